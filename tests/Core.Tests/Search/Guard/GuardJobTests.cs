using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Search;
using QuantCluster.Tests.Data;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Guard;

public sealed class GuardJobTests : IDisposable
{
    private const int Tokens = 32, Width = 24, Length = 8, Samples = 24;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Layers_of_a_language_model_go_back_to_float_where_its_likelihood_would_fall()
    {
        JobOutcome strict = await RunAsync("strict", 0.02), loose = await RunAsync("loose", 100);
        Assert.True(strict.Layers.Quantized.Count < loose.Layers.Quantized.Count);
        Assert.True(strict.SqnrDb > loose.SqnrDb + 1);
        Assert.Contains(strict.Notes, n => n.Contains("back to float for the task") && n.Contains("--tolerance 0.02%"));
        Assert.DoesNotContain(loose.Notes, n => n.Contains("for the task"));
        Assert.Contains(strict.Layers.Float.Concat(strict.Layers.WeightOnly), l => l.Reason.Contains("tolerance"));
    }

    [Fact]
    public async Task A_search_keeps_to_the_tolerance_too_and_ends_in_the_same_bytes_with_any_workers()
    {
        SearchSettings search = new() { Trials = 40 };
        JobOutcome one = await RunAsync("one", 0.02, search, workers: 1);
        await RunAsync("two", 0.02, search, workers: 2);
        Assert.Equal(File.ReadAllBytes(_folder["one.onnx"]), File.ReadAllBytes(_folder["two.onnx"]));
        Assert.True(one.Layers.Quantized.Count < (await RunAsync("loose", 100, search)).Layers.Quantized.Count);
    }

    [Fact]
    public void Weights_of_four_bits_are_about_size_and_have_a_tolerance_only_if_it_is_asked_for()
    {
        Assert.Equal(0.1, new JobSettings().TaskTolerance);
        Assert.Equal(double.PositiveInfinity, new JobSettings { Weights = WeightType.Int4 }.TaskTolerance);
        Assert.Equal(0.3, new JobSettings { Weights = WeightType.Int4, Tolerance = 0.3 }.TaskTolerance);
    }

    public void Dispose() => _folder.Dispose();

    private Task<JobOutcome> RunAsync(string name, double tolerance, SearchSettings? search = null, int workers = 2)
    {
        Network network = new(5);
        network.Proto.Graph.Input.Add(Network.Value("input_ids", ElementType.Int64, [1, Length]));
        string x = network.Node("Gather", "embedded", [network.Weight("embedding", 1, Tokens, Width), "input_ids"]);
        for (int layer = 0; layer < 2; layer++)
        {
            string up = network.Node("Tanh", $"tanh{layer}", [network.MatMul($"up{layer}", x, Width, 2 * Width)]);
            x = network.Node("Add", $"add{layer}", [x, network.MatMul($"down{layer}", up, 2 * Width, Width)]);
        }

        OnnxModel model = network.Build(network.MatMul("logits", x, Width, Tokens));
        Random random = new(3);
        long[] ids = [.. Enumerable.Range(0, Samples * Length).Select(_ => (long)random.Next(Tokens))];
        File.WriteAllBytes(_folder["ids.npy"], DataFolder.NpyBytes<long>("<i8", [Samples, Length], ids));
        JobSettings settings = new() { Speed = SpeedMode.Ignore, Tolerance = tolerance, Workers = workers, Threads = workers };
        return ModelJob.RunAsync(_folder, name, model, settings, search, _folder["ids.npy"]);
    }
}
