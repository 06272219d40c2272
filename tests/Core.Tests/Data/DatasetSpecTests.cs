using Google.Protobuf;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

public sealed class DatasetSpecTests : IDisposable
{
    private static readonly ValueSignature Image = DataFolder.Input("x", ElementType.Float, -1, 3, 2, 2);

    private readonly DataFolder _folder = new();

    [Fact]
    public void A_spec_is_read_with_paths_relative_to_its_file()
    {
        DatasetSpec spec = DatasetSpec.Load(_folder.Write("cases/a.json", """
            {
              // made by hand
              "model": "../m.onnx", "labels": "../y.npy", "metric": "top5",
              "inputs": {"x": {"file": "../x.npy", "layout": "NHWC", "channels": "BGR", "divide": 2, "mean": 1, "std": [1, 2, 3], "size": [4, 5], "resize": 6}},
            }
            """));
        Assert.Equal((_folder.Path("m.onnx"), _folder.Path("y.npy"), "top5"), (spec.Model, spec.Labels, spec.Metric));
        InputSpec input = spec.Inputs["x"];
        Assert.Equal((_folder.Path("x.npy"), ImageLayout.NHWC, ChannelOrder.BGR, 2f), (input.File, input.Layout, input.Channels, input.Divide));
        Assert.Equal([1f], input.Mean);
        Assert.Equal([1f, 2f, 3f], input.Std);
        Assert.Equal(((4, 5), 6), (input.Size!.Value, input.Resize));
    }

    [Theory]
    [InlineData("""{"inputs": {"x": {"file": "x", "divde": 2}}}""", "inputs.x has \"divde\", which is not understood; known are: file, key, layout, channels, divide, mean, std, dtype, shape, pad_to, pad_value, resize, size.")]
    [InlineData("""{"input": {}}""", "the spec has \"input\", which is not understood; known are: model, inputs, labels, metric, dictionary.")]
    [InlineData("""{"inputs": {}}""", "the spec names no inputs; give {\"inputs\": {\"<model input>\": {\"file\": \"...\"}}}.")]
    [InlineData("""{"inputs": {"x": {}}}""", "inputs.x names no file.")]
    [InlineData("""{"inputs": {"x": {"file": "x", "std": [1, 0]}}}""", "inputs.x.std must not be 0.")]
    [InlineData("""{"inputs": {"x": {"file": "x", "divide": 1e60}}}""", "inputs.x.divide must be a finite number.")]
    [InlineData("""{"inputs": {"x": {"file": "x", "layout": "NWHC"}}}""", "inputs.x.layout is \"NWHC\"; it must be NCHW or NHWC.")]
    [InlineData("""{"inputs": {"x": {"file": "x", "size": [1, 2, 3]}}}""", "inputs.x.size must be [height, width] or one number.")]
    [InlineData("""{"inputs": {"x": {"file": "x", "dtype": "float"}}}""", "inputs.x.dtype: float is not a type read here; use one of float32, float64, float16, bfloat16, uint8, int8, uint16, int16, uint32, int32, uint64, int64, bool.")]
    [InlineData("[]", "the spec must be a JSON object.")]
    public void What_a_spec_says_wrongly_is_named(string json, string message)
    {
        string file = _folder.Write("spec.json", json);
        Assert.Equal($"{file}: {message}", Assert.Throws<QuantException>(() => DatasetSpec.Load(file)).Message);
    }

    [Theory]
    [InlineData("{\"inputs\": ")]
    [InlineData("{\"metric\": \"a\", \"metric\": \"b\"}")]
    [InlineData("")]
    public void What_is_no_JSON_is_no_spec(string json)
    {
        string file = _folder.Write("spec.json", json);
        Assert.StartsWith($"{file}: not a dataset spec: ", Assert.Throws<QuantException>(() => DatasetSpec.Load(file)).Message);
    }

    [Fact]
    public void A_bare_file_of_bytes_is_taken_as_scaled_pixels_and_that_is_said()
    {
        string file = _folder.Npy<byte>("x.npy", "|u1", [1, 2, 2, 3], [0, 51, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        DatasetSpec spec = DatasetSpec.FromArgument(file, [Image], out string? assumption);
        Assert.Equal($"{file}: no spec, so it is assumed: x: bytes divided by 255, no mean, no std, layout NHWC, channels RGB. If that is wrong, write a spec.", assumption);
        using IDataset data = Datasets.Open(spec, [Image]);
        Assert.Equal([0f, 0, 0, 0, 0.2f], data.Read(0).Inputs["x"].Floats[..5].ToArray());
    }

    [Fact]
    public void A_bare_file_of_floats_is_taken_as_it_is()
    {
        string file = _folder.Npy<float>("x.npy", "<f4", [1, 3, 2, 2], new float[12]);
        DatasetSpec.FromArgument(file, [Image], out string? assumption);
        Assert.Equal($"{file}: no spec, so it is assumed: x: float32 values as they are. If that is wrong, write a spec.", assumption);
    }

    [Fact]
    public void A_bare_file_for_a_model_of_several_inputs_is_refused_with_the_spec_to_write()
    {
        string file = _folder.Npy<long>("x.npy", "<i8", [1, 1], [1]);
        QuantException error = Assert.Throws<QuantException>(() => DatasetSpec.FromArgument(
            file, [DataFolder.Input("ids", ElementType.Int64, -1, -1), DataFolder.Input("mask", ElementType.Int64, -1, -1)], out _));
        Assert.Equal($"{file}: the model has 2 inputs (ids, mask); write a spec: {{\"inputs\": {{\"ids\": {{\"file\": \"...\"}}, \"mask\": {{\"file\": \"...\"}}}}}}.", error.Message);
    }

    [Fact]
    public void Test_data_sets_feed_all_inputs_of_a_model_without_a_spec()
    {
        for (int i = 0; i < 2; i++)
            _folder.Write($"d/test_data_set_0/input_{i}.pb", Tensors.FromFloats("", [1, 1], [i + 1]).ToByteArray());
        ValueSignature[] inputs = [DataFolder.Input("a", ElementType.Float, 1, 1), DataFolder.Input("b", ElementType.Float, 1, 1)];
        using IDataset data = Datasets.Open(DatasetSpec.FromArgument(_folder.Path("d"), inputs, out _), inputs);
        Assert.Equal([1f], data.Read(0).Inputs["a"].Floats.ToArray());
        Assert.Equal([2f], data.Read(0).Inputs["b"].Floats.ToArray());
    }

    [Fact]
    public void A_data_argument_that_does_not_exist_is_refused() => Assert.Equal(
        $"{_folder.Path("no")}: no such file or folder.",
        Assert.Throws<QuantException>(() => DatasetSpec.FromArgument(_folder.Path("no"), [Image], out _)).Message);

    [Fact]
    public void The_content_hash_follows_bytes_and_settings_but_not_places()
    {
        string here = Hash("a", 1, 255), there = Hash("b", 1, 255);
        Assert.Equal(64, here.Length);
        Assert.Equal(here, there);
        Assert.NotEqual(here, Hash("a", 2, 255));
        Assert.NotEqual(here, Hash("a", 1, 128));

        string Hash(string folder, byte value, int divide)
        {
            _folder.Npy<byte>($"{folder}/d/x.npy", "|u1", [1, 1], [value]);
            return DatasetSpec.Load(_folder.Write($"{folder}/spec.json", $$"""{"inputs": {"x": {"file": "d", "divide": {{divide}} } } }""")).ContentHash();
        }
    }

    public void Dispose() => _folder.Dispose();
}
