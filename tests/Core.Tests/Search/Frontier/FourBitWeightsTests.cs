using QuantCluster.Corrections;
using QuantCluster.Jobs;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Precision;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Frontier;

public sealed class FourBitWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Some_layers_get_four_bits_where_a_size_is_asked_for_that_eight_do_not_keep_to()
    {
        JobOutcome eight = await RunAsync(new JobSettings { Speed = SpeedMode.Ignore });
        JobSettings small = new() { MaximumSize = new Limit(0.8 * eight.Bytes, false) };
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => RunAsync(small));
        Assert.Equal(ExitCode.GateNotMet, e.Code);
        JobOutcome mixed = await RunAsync(small with { Weights = WeightType.Auto });
        Assert.InRange(mixed.Bytes, 0, 0.8 * eight.Bytes);
        Assert.Contains(FrontierFile.Load(_folder["job"]).Points, p => p.Origin.StartsWith("INT4 weights in ", StringComparison.Ordinal) && p.BackToFloat.Count == 0);
        Assert.Contains(OnnxModel.Load(_folder["job.onnx"]).Graph.Proto.Initializer, i => i.ElementType() == ElementType.Int4);
        Assert.InRange(mixed.SqnrDb!.Value, 10, eight.SqnrDb!.Value + 1);
    }

    [Fact]
    public async Task Layers_whose_error_is_least_for_their_parameters_come_first()
    {
        OnnxModel model = Networks.OfConvolutions("a", "b", "c");
        Flow flow = Flow.Of(model);
        FourBitWeights fourBits = new(model, RangeSettings.Default);
        Trial whole = new(flow.Plan, flow.Configuration);
        IReadOnlyList<(string Name, Trial Trial)> sets = await fourBits.SetsAsync(
            whole, trials => Task.FromResult<double[]>([.. trials.Select(t => FourBitWeights.Has(t.Configuration) ? ErrorOf(t) : 0)]));
        Assert.Equal("INT4 weights in 1 of 3 layers", sets[0].Name);
        Assert.Equal(["b"], Four(sets[0].Trial));
        Assert.Equal(["a", "b", "c"], Four(sets[^1].Trial));
        Assert.Equal(Four(sets[0].Trial), Four(fourBits.Like(whole, sets[0].Trial)));
        Assert.All(sets[0].Trial.Configuration.Weights["b"].Values, v => Assert.InRange(v, (sbyte)-7, (sbyte)7));
        ModelSize size = new(model, whole);
        Assert.True(size.Of(whole) > size.Of(sets[0].Trial));

        static double ErrorOf(Trial trial) => Four(trial)[0] switch { "a" => 5, "b" => 1, _ => 3 };
        static string[] Four(Trial trial) => [.. trial.Configuration.Weights.Where(w => w.Value.Type == IntegerType.Int4).Select(w => w.Key).Order(StringComparer.Ordinal)];
    }

    public void Dispose() => _folder.Dispose();

    private Task<JobOutcome> RunAsync(JobSettings settings) => ModelJob.RunAsync(
        _folder, "job", Networks.OfConvolutions("a", "b", "c"), settings with { Correct = CorrectionMode.None, Synthetic = 24, Workers = 2, Threads = 2 });
}
