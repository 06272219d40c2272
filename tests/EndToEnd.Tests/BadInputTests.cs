using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests;

/// <summary>Every mistake has its message, its exit code, no stack trace, and leaves nothing at the output.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly Workbench _bench = new(samples: 4);

    [Fact]
    public async Task A_missing_model()
    {
        File.Delete(_bench.Model);
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: no such file.");
    }

    [Fact]
    public async Task A_file_that_is_no_ONNX_model()
    {
        File.WriteAllText(_bench.Model, "solid cube\nfacet normal 0 0 1\n");
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: not an ONNX model.");
    }

    [Fact]
    public async Task A_process_that_fails_at_once_does_not_crash_in_the_middle_of_loading_ONNX_Runtime()
    {
        File.WriteAllText(_bench.Model, "solid cube\n");
        Quant.Result[][] results = await Task.WhenAll(Enumerable.Range(0, 3).Select(async i =>
        {
            List<Quant.Result> own = [];
            while (own.Count < 8)
                own.Add(await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench[$"{i}.onnx"]));
            return own.ToArray();
        }));
        Assert.All(results.SelectMany(r => r), r => Assert.Equal(((int)ExitCode.BadModel, $"quant: {_bench.Model}: not an ONNX model."), (r.Code, r.Error)));
    }

    [Fact]
    public async Task A_truncated_model()
    {
        byte[] whole = File.ReadAllBytes(_bench.Model);
        File.WriteAllBytes(_bench.Model, whole[..(whole.Length * 2 / 3)]);
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: the ONNX model is truncated or damaged: it ends in the middle, at byte {whole.Length * 2 / 3}. Copy or export it again.");
    }

    [Fact]
    public async Task External_data_that_is_missing()
    {
        Externalize("weights.bin");
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: tensor conv1_w: its data file weights.bin is missing. Put it beside the model, in {Path.GetDirectoryName(_bench.Model)}.");
    }

    [Theory]
    [InlineData("../outside.bin")]
    [InlineData("/etc/hostname")]
    public async Task External_data_outside_the_models_folder(string location)
    {
        Externalize(location);
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: tensor conv1_w: its data file {location} lies outside of the model's folder, which is refused. Move it beside the model and export again.");
    }

    [Fact]
    public async Task An_input_the_spec_leaves_out()
    {
        _bench.WriteSpec("data.json", """{"inputs": {"image": {"file": "data.npy"}}}""");
        await FailsAsync(ExitCode.BadData, $"{_bench.Spec}: the model's input input (float32 [?, 1, 16, 16]) is missing; the spec gives image.");
    }

    [Fact]
    public async Task An_input_the_model_does_not_have()
    {
        _bench.WriteSpec("data.json", """{"inputs": {"input": {"file": "data.npy"}, "mask": {"file": "data.npy"}}}""");
        await FailsAsync(ExitCode.BadData, $"{_bench.Spec}: the model has no input mask; its inputs are input (float32 [?, 1, 16, 16]).");
    }

    [Fact]
    public async Task Data_of_the_wrong_type()
    {
        File.WriteAllBytes(_bench.Model, Workbench.Cnn(input: ElementType.Int64).ToBytes());
        await FailsAsync(ExitCode.BadData, $"{_bench["data.npy"]} holds float32, but the model's input input takes int64.");
    }

    [Fact]
    public async Task Data_of_the_wrong_shape()
    {
        _bench.WriteFloats("data.npy", [4, 1, 16, 15], new float[4 * 240]);
        await FailsAsync(ExitCode.BadData, $"{_bench["data.npy"]} has records of shape [1, 16, 15], which does not fit the model's input input [?, 1, 16, 16].");
    }

    [Fact]
    public async Task Data_without_samples()
    {
        _bench.WriteFloats("data.npy", [0, 1, 16, 16], []);
        await FailsAsync(ExitCode.BadData, $"{_bench["data.npy"]} holds no records; calibration needs at least one.");
    }

    [Fact]
    public async Task NaN_in_the_data()
    {
        float[] values = Workbench.Pictures(4);
        values[(2 * 256) + (3 * 16) + 5] = float.NaN;
        _bench.WriteFloats("data.npy", [4, 1, 16, 16], values);
        await FailsAsync(ExitCode.BadData, $"{_bench["data.npy"]}, record 2: input input is NaN at index [0, 0, 3, 5] of sample 2. Remove or repair that record.");
    }

    [Fact]
    public async Task A_missing_data_file()
    {
        File.Delete(_bench["data.npy"]);
        await FailsAsync(ExitCode.BadData, $"{_bench["data.npy"]}: no such file.");
    }

    [Fact]
    public async Task A_wrong_number_of_labels()
    {
        _bench.WriteIntegers("labels.npy", [3], [0, 1, 2]);
        _bench.WriteSpec("data.json", """{"inputs": {"input": {"file": "data.npy"}}, "labels": "labels.npy", "metric": "top1"}""");
        await FailsAsync(ExitCode.BadData, $"{_bench["labels.npy"]}: 3 labels for 4 records; every record needs one.");
    }

    [Fact]
    public async Task An_output_folder_that_does_not_exist_is_found_before_any_work()
    {
        string output = _bench["nowhere/int8.onnx"];
        await FailsAsync(ExitCode.CannotWrite, $"{output}: the folder {_bench["nowhere"]} does not exist. Create it, or choose another --out.", output);
        Assert.False(Directory.Exists(_bench["nowhere"]));
    }

    [Fact]
    public async Task An_output_that_is_a_folder()
    {
        Directory.CreateDirectory(_bench["int8"]);
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench["int8"]);
        Assert.Equal($"quant: {_bench["int8"]}: is a folder; --out needs the name of a file.", result.Error);
        Assert.Equal((int)ExitCode.CannotWrite, result.Code);
    }

    [Fact]
    public async Task An_output_folder_that_cannot_be_written()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: /proc cannot be written even by root");
        await FailsAsync(ExitCode.CannotWrite, "/proc/int8.onnx: the folder /proc cannot be written to. Change its permissions, or choose another --out.", "/proc/int8.onnx");
    }

    [Fact]
    public async Task A_job_folder_with_other_files()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--job", Path.GetDirectoryName(_bench.Model)!);
        Assert.Equal($"quant: {Path.GetDirectoryName(_bench.Model)}: is not empty and holds no job. Choose another --job folder.", result.Error);
        Assert.Equal((int)ExitCode.Usage, result.Code);
    }

    [Fact]
    public async Task An_unknown_operator_domain()
    {
        OnnxModel model = Workbench.Cnn();
        model.Graph.Nodes.First(n => n.Name == "conv1_relu").Domain = "com.example";
        model.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.example", Version = 1 });
        File.WriteAllBytes(_bench.Model, model.ToBytes());
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: node conv1_relu (Relu): ONNX Runtime has no operators of the domain 'com.example'. Export the model without custom operators.");
    }

    [Fact]
    public async Task A_model_that_is_quantized_already()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench["once.onnx"], "--correct", "none")).Code);
        File.Move(_bench["once.onnx"], _bench.Model, overwrite: true);
        await FailsAsync(ExitCode.BadModel, $"{_bench.Model}: node input_quantize (QuantizeLinear): the model is quantized already. Start from the float model it was made of.");
    }

    [Fact]
    public async Task A_model_without_a_layer_that_can_be_quantized()
    {
        GraphProto graph = new() { Name = "relu" };
        graph.Input.Add(Workbench.Value("input", ElementType.Float, -1, 1, 16, 16));
        graph.Output.Add(Workbench.Value("out", ElementType.Float, -1, 1, 16, 16));
        graph.Node.Add(Nodes.Create("Relu", "relu", ["input"], ["out"]));
        ModelProto proto = new() { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        File.WriteAllBytes(_bench.Model, OnnxModel.FromProto(proto).ToBytes());
        await FailsAsync(ExitCode.BadModel, "the model has no layer that can be quantized: it has no Conv, Gemm or MatMul.");
    }

    [Fact]
    public async Task No_data_at_all()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--out", _bench.Out);
        Assert.Equal("quant: No data: give --data SPEC.json. (Random inputs only on request: --synthetic N.)", result.Error.Split('\n')[0].TrimEnd());
        Assert.Equal((int)ExitCode.Usage, result.Code);
    }

    [Fact]
    public async Task The_model_as_its_own_output()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Model);
        Assert.Equal($"quant: {_bench.Model}: --out names the model itself. Choose another file.", result.Error);
        Assert.Equal((int)ExitCode.Usage, result.Code);
    }

    [Fact]
    public async Task A_gate_on_a_metric_that_is_not_there_is_found_before_any_work()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--max-drop", "1");
        Assert.Equal("quant: --max-drop needs a task metric: give \"labels\" and \"metric\" in the dataset's spec, or --labels and --metric.", result.Error);
        Assert.Equal((int)ExitCode.Usage, result.Code);
    }

    public void Dispose() => _bench.Dispose();

    private async Task FailsAsync(ExitCode code, string message, string? output = null)
    {
        output ??= _bench.Out;
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", output, "--json");
        Assert.Equal($"quant: {message}", result.Error);
        Assert.Equal((int)code, result.Code);
        Assert.Equal("", result.Out);
        Assert.False(File.Exists(output));
    }

    private void Externalize(string location)
    {
        OnnxModel model = Workbench.Cnn();
        TensorProto weight = model.Graph.Initializer("conv1_w")!;
        weight.ClearRawData();
        weight.DataLocation = TensorProto.Types.DataLocation.External;
        weight.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        File.WriteAllBytes(_bench.Model, model.ToBytes());
    }
}
