using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Search;

namespace QuantCluster.Tests.Jobs;

/// <summary>What models of more than 2 GB need, tried out on a small one by lowering the limit.</summary>
public sealed class LargeModelTests : IDisposable
{
    private const int Width = 96;
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_model_too_large_for_one_file_becomes_one_whose_tensors_lie_beside_it()
    {
        await RunAsync("small");
        OnnxModel.LargestInline = 4096;
        await RunAsync("large");

        Assert.False(File.Exists(_folder["small.onnx.data"]));
        Assert.True(new FileInfo(_folder["large.onnx.data"]).Length > 3 * Width * Width);
        OnnxModel graph = OnnxModel.Load(_folder["large.onnx"], readExternalData: false);
        Assert.True(graph.KeepsDataApart);
        Assert.Equal(["large.onnx.data"], ExternalData.Locations(graph.Proto));
        Assert.Equal(Tensors("small.onnx"), Tensors("large.onnx"));
        Assert.Equal(Answers("small.onnx"), Answers("large.onnx"));
    }

    [Fact]
    public async Task Both_parts_of_a_large_model_are_made_again_where_one_is_damaged()
    {
        OnnxModel.LargestInline = 4096;
        await RunAsync("job");
        byte[] graph = File.ReadAllBytes(_folder["job.onnx"]), data = File.ReadAllBytes(_folder["job.onnx.data"]);
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(_folder["job"], "blobs"), "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length > 3 * Width * Width))
            File.WriteAllBytes(blob, new byte[100]);
        File.Delete(_folder["job.onnx"]);
        await RunAsync("job");
        Assert.Equal(graph, File.ReadAllBytes(_folder["job.onnx"]));
        Assert.Equal(data, File.ReadAllBytes(_folder["job.onnx.data"]));
    }

    [Fact]
    public async Task A_session_of_a_large_model_reads_the_file_its_tensors_came_from()
    {
        OnnxModel.LargestInline = 4096;
        FolderBlobStore store = new(_folder["blobs"]);
        BlobId id = (await ModelBlobs.PutAsync(store, Model(), default))["model"];
        OnnxModel read = await ModelBlobs.GetAsync(store, id);
        string folder = Directory.CreateDirectory(_folder["copy"]).FullName;
        string path = read.SaveLinked(folder);
        Assert.Equal(0, new FileInfo(path + ".data").Length);
        Assert.True(new FileInfo(Path.Combine(folder, "linked-0.data")).Length > 4 * Width * Width);
        using ModelSession session = ModelSession.Create(read, new SessionSettings());
        Assert.Equal("y", session.Outputs[0].Name);
    }

    [Fact]
    public async Task A_search_from_smoothed_inputs_gives_a_large_model_what_it_gives_a_small_one()
    {
        await SmoothAsync("small");
        OnnxModel.LargestInline = 4096;
        await SmoothAsync("large");

        foreach (string name in (string[])["small", "large"])
        {
            JournalRecord scaled = Assert.Single(File.ReadLines(Path.Combine(_folder[name], "journal.jsonl")).Select(Record), r => r.Kind == "scale");
            Assert.Equal(name == "large", scaled.Outputs.ContainsKey("model.data"));
        }

        Assert.Equal(Tensors("small.onnx"), Tensors("large.onnx"));
        Assert.Equal(Answers("small.onnx"), Answers("large.onnx"));

        static JournalRecord Record(string line) => System.Text.Json.JsonSerializer.Deserialize(line, JobJson.Default.JournalRecord)!;
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_report_says_what_corrections_did_to_a_layer()
    {
        await RunAsync("hessian", QuantCluster.Corrections.CorrectionMode.Hessian);
        string report = File.ReadAllText(Path.Combine(_folder["hessian"], "report", "report.json"));
        Assert.Contains("\"INT8, Hessian-aware rounding\"", report);
        await RunAsync("none", QuantCluster.Corrections.CorrectionMode.None);
        report = File.ReadAllText(Path.Combine(_folder["none"], "report", "report.json"));
        Assert.Contains("\"INT8\"", report);
        Assert.DoesNotContain("\"INT8, ", report);
    }

    private Task SmoothAsync(string name) =>
        RunAsync(name, QuantCluster.Corrections.CorrectionMode.Smooth, Model(isUneven: true), new SearchSettings { Trials = 12 });

    private Task RunAsync(
        string name, QuantCluster.Corrections.CorrectionMode correct = QuantCluster.Corrections.CorrectionMode.Bias, OnnxModel? model = null, SearchSettings? search = null) =>
        ModelJob.RunAsync(_folder, name, model ?? Model(), new JobSettings { Synthetic = 12, Method = RangeMethod.MinMax, Correct = correct, Workers = 1, Threads = 1 }, search);

    private Dictionary<string, string> Tensors(string file) =>
        OnnxModel.Load(_folder[file]).Proto.Graph.Initializer.ToDictionary(t => t.Name, t => Convert.ToHexString(t.RawData.Span));

    private float[] Answers(string file)
    {
        using ModelSession session = ModelSession.Open(_folder[file], new SessionSettings());
        using IDataset data = Datasets.Synthetic(session.Inputs, 1, seed: 3);
        using RunResult result = session.Run(data.Read(0));
        return result.Floats(0).ToArray();
    }

    /// <param name="isUneven">Whether channels of the first product differ a hundredfold, and the second makes up for it.</param>
    private static OnnxModel Model(bool isUneven = false)
    {
        Random random = new(5);
        GraphProto graph = new() { Name = "chain" };
        graph.Input.Add(Value("x"));
        graph.Output.Add(Value("y"));
        for (int layer = 0; layer < 3; layer++)
        {
            float[] weights = [.. Enumerable.Range(0, Width * Width).Select(_ => (float)(random.NextDouble() - 0.5) / 5)];
            for (int i = 0; isUneven && i < weights.Length && layer < 2; i++)
                weights[i] *= (float)Math.Pow(layer == 0 ? 0.1 : 10, layer == 0 ? i % Width % 3 : i / Width % 3);
            graph.Initializer.Add(Onnx.Tensors.FromFloats($"w{layer}", [Width, Width], weights));
            graph.Node.Add(Nodes.Create("MatMul", $"product{layer}", [layer == 0 ? "x" : $"r{layer - 1}", $"w{layer}"], [layer == 2 ? "y" : $"p{layer}"]));
            if (layer < 2)
                graph.Node.Add(Nodes.Create("Relu", $"relu{layer}", [$"p{layer}"], [$"r{layer}"]));
        }

        ModelProto model = new() { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        return OnnxModel.FromProto(model);
    }

    private static ValueInfoProto Value(string name)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = 1 });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = Width });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = shape } } };
    }
}
