using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Orders;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

public sealed class BeamTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_beam_of_one_prefix_and_one_successor_is_the_greedy_chain()
    {
        OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20));
        IReadOnlyList<SearchPoint> greedy = await walk.AlongAsync(new SensitivityAscending()), beam = await walk.AlongAsync(new Beam(1, successors: 1));
        Assert.Equal(5, greedy.Count);
        Assert.Equal(greedy.Select(p => p.Configuration.Hash), beam.Select(p => p.Configuration.Hash));
        Assert.Equal(greedy.Select(p => p.SearchErrors), beam.Select(p => p.SearchErrors));
    }

    [Fact]
    public async Task A_beam_finds_the_pair_whose_errors_cancel_where_the_greedy_chain_takes_the_harmless_layer_first()
    {
        OrderWalk walk = new(Cancelling());
        SearchPoint[] greedy = [.. await walk.AlongAsync(new SensitivityAscending())], beam = [.. await walk.AlongAsync(new Beam(3))];
        Assert.Equal(greedy.Length, beam.Length);

        // Two layers that cancel are each worse alone than the third.
        Assert.Equal(2, greedy[1].Quantized);
        Assert.True(beam[1].SearchErrors.Average() < 0.5 * greedy[1].SearchErrors.Average(), $"{beam[1].SearchErrors.Average()} of {greedy[1].SearchErrors.Average()}");
        Assert.True(beam[^1].SearchErrors.Average() <= greedy[^1].SearchErrors.Average());
        Assert.Equal(greedy[^1].Quantized, beam[^1].Quantized);
    }

    [Fact]
    public void Every_step_keeps_different_sets_of_layers_as_long_as_there_are_any()
    {
        OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20));
        ProgressiveChain chain = walk.Chain(new Beam(3));
        IReadOnlyList<SearchConfiguration> extensions = chain.Extensions();
        Assert.Equal(3, extensions.Count);
        IReadOnlyList<PrefixStep> steps = chain.Begin([[3.0], [1.0], [2.0]]);
        Assert.Equal([extensions[1].Hash, extensions[2].Hash, extensions[0].Hash], steps.Select(s => s.Propose()[0].Hash));
        foreach (PrefixStep step in steps)
        {
            step.Choose([step.Propose()[0]], [[1.0]]);
            step.Accept(null, null);
        }

        chain.End();
        IReadOnlyList<SearchConfiguration> next = chain.Extensions();
        Assert.Equal(next.Count, next.Select(c => c.Hash).Distinct().Count());
        string[] sets = [.. chain.Begin([.. next.Select((_, i) => new[] { (double)i })]).Select(s => string.Join(' ', s.Propose()[0].Quantized))];
        Assert.Equal(3, sets.Distinct().Count());
    }

    [Fact]
    public async Task The_answer_of_a_beam_depends_neither_on_workers_nor_on_a_stop_in_between_and_no_trial_is_run_twice()
    {
        await RunAsync("whole", workers: 1);
        Assert.Contains(SearchOutcomeFile.Load(_folder["whole"]).Points, p => p.Origin == "beam-2");
        using CancellationTokenSource stop = new();
        await RunAsync("stopped", workers: 2, stop);
        int before = Items("stopped");
        Assert.True(before < Items("whole"), $"{before}: it was not stopped");
        await RunAsync("stopped", workers: 2);
        Assert.Equal(File.ReadAllBytes(_folder["whole.onnx"]), File.ReadAllBytes(_folder["stopped.onnx"]));
        Assert.Equal(Items("whole"), Items("stopped"));
    }

    [Fact]
    public void Names_tell_a_beams_width()
    {
        Assert.Equal(4, LayerOrders.Get("beam-4").Width);
        Assert.Equal("beam-4", LayerOrders.Get("beam-4").Name);
        Assert.Throws<QuantException>(() => LayerOrders.Get("beam-0"));
        Assert.Equal("beam-7", new SearchSettings { Beam = 7 }.OrderNames[^1]);
        Assert.DoesNotContain(new SearchSettings().OrderNames, n => n.StartsWith("beam", StringComparison.Ordinal));
        Assert.Equal("beam-3", new SearchSettings { Effort = SearchEffort.Thorough }.OrderNames[^1]);
    }

    public void Dispose() => _folder.Dispose();

    private int Items(string name) => ModelJob.Trials(_folder, name).Length;

    private Task RunAsync(string name, int workers, CancellationTokenSource? stop = null) => ModelJob.RunAsync(
        _folder, name, SensitivityNetworks.Chain(outlier: 20), new JobSettings { Synthetic = 24, Workers = workers, Threads = workers },
        new SearchSettings { Orders = ["beam-2"], Trials = 240 }, stop: stop?.Token ?? default, progress: new StopInBeam(stop));

    /// <summary>
    /// c's result and the difference of a's and b's, whose weights are the same: on integers both err alike, and the
    /// difference not at all. Either of them alone errs more than c.
    /// </summary>
    private static OnnxModel Cancelling()
    {
        Network network = new(seed: 3);
        string x = network.Input("x", 4, 16);
        string c = network.MatMul("c", x, 16, 8), a = network.MatMul("a", x, 16, 8);
        TensorProto weight = network.Proto.Graph.Initializer.Single(i => i.Name == "a.w");
        float[] larger = [.. weight.ToFloats().Select(v => 4 * v)];
        weight.RawData = Tensors.FromFloats("a.w", weight.Dims, larger).RawData;
        string b = network.Node("MatMul", "b", [x, network.Constant(Tensors.FromFloats("b.w", weight.Dims, larger))]);
        return network.Build(network.Node("Sub", "sum", [c, network.Node("Sub", "difference", [a, b])]));
    }

    private sealed class StopInBeam(CancellationTokenSource? stop) : IProgress<SearchProgress>
    {
        public void Report(SearchProgress value)
        {
            if (value.Phase == "beam-2" && value.Step == 2)
                stop?.Cancel();
        }
    }
}
