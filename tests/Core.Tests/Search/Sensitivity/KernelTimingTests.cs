using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Sensitivity;

public sealed class KernelTimingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxModel _model = SensitivityNetworks.Chain();

    [Fact]
    public void Every_layer_has_a_time_in_both_models_and_together_they_take_no_more_than_all_kernels()
    {
        Flow flow = Flow.Of(_model);
        LatencyProfile profile = KernelTiming.Measure(_model, flow.Emit(), flow.Plan.Layers, flow.Data.Read(0), 1, TimeSpan.FromSeconds(1), CancellationToken.None);
        Assert.Equal(flow.Plan.Layers.Select(l => l.Id), profile.Layers.Select(l => l.Id));
        Assert.All(profile.Layers, l => Assert.True(l is { FloatMs: > 0, IntegerMs: > 0 }, $"{l}"));
        Assert.InRange(profile.Layers.Sum(l => l.FloatMs!.Value), 0, profile.FloatMs + 1e-9);
        Assert.InRange(profile.Layers.Sum(l => l.IntegerMs!.Value), 0, profile.IntegerMs + 1e-9);
        Assert.InRange(profile.Runs, 11, 200);
    }

    [Fact]
    public void What_quantizes_the_models_input_is_of_the_first_layer()
    {
        (OnnxModel optimized, IReadOnlyDictionary<string, string> owners) = Owners(Flow.Of(_model));
        Assert.Equal("a", owners[optimized.Graph.Nodes.First(n => n.OpType == "QuantizeLinear").Name]);
        Assert.Equal(["a", "b", "c", "classify", "d"], owners.Values.Distinct().Order());
    }

    [Fact]
    public void Around_a_float_layer_conversions_are_of_the_quantized_ones_beside_it()
    {
        (OnnxModel optimized, IReadOnlyDictionary<string, string> owners) = Owners(Flow.Of(_model, "b"));
        string[] Of(string opType) => [.. optimized.Graph.Nodes.Where(n => n.OpType == opType).Select(n => owners.GetValueOrDefault(n.Name, "none"))];
        Assert.Equal(["a", "c"], Of("QuantizeLinear").Take(2));
        Assert.Equal("a", Of("DequantizeLinear")[0]);
        Assert.DoesNotContain("b", owners.Values);
    }

    public void Dispose() => _folder.Dispose();

    private (OnnxModel Optimized, IReadOnlyDictionary<string, string> Owners) Owners(Flow flow)
    {
        string path = _folder["optimized.onnx"];
        OnnxModel named = KernelOwners.Named(flow.Emit());
        ModelSession.Create(named, new SessionSettings { OptimizedModelPath = path }).Dispose();
        OnnxModel optimized = OnnxModel.Load(path);
        return (optimized, KernelOwners.Find(named, optimized, flow.Plan.Layers));
    }
}
