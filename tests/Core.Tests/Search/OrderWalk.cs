using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Objectives;
using QuantCluster.Search.Orders;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

/// <summary>Walks orders over a model; trials that are asked for at once are run one after the other.</summary>
internal sealed class OrderWalk : ITrialRunner
{
    private readonly TrialBuilder _builder;
    private readonly TrialLedger _ledger;
    private readonly IDataset _data;
    private readonly SampleSplit _split;
    private readonly SearchSettings _settings;

    /// <param name="trials">At most.</param>
    public OrderWalk(OnnxModel model, SearchEffort effort = SearchEffort.Balanced, int trials = int.MaxValue)
    {
        _settings = new SearchSettings { Effort = effort, Corrections = LayerCorrection.None, Trials = trials };
        _data = Flow.Inputs(model, 24);
        QuantizationPlan plan = Flow.PlanOf(model, _data);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], _data, new CalibrationSettings(), null, CancellationToken.None);
        _builder = new TrialBuilder(
            model, TensorProbe.Observe(model, _data.Read(0)), plan, new RangeTable(statistics, new RangeSettings(), new Dictionary<string, AffineMapping>()));
        _split = SampleSplit.Of(_data.Count, 48);
        _ledger = new TrialLedger(this, SearchObjectives.Get("auto"), _split, 16);
    }

    public TrialBuilder Builder => _builder;

    public TrialLedger Ledger => _ledger;

    /// <summary>Waited for before trials are run.</summary>
    public Func<IReadOnlyList<Trial>, Task> Before { get; set; } = _ => Task.CompletedTask;

    public ProgressiveChain Chain(ILayerOrder order)
    {
        Trial[] alone = [.. _builder.Plan.Layers.Select(l => _builder.BuildOnly([l.Id]))];
        double[][] errors = [.. _ledger.GlanceAsync(alone, default).GetAwaiter().GetResult()];
        TimeEstimate time = new(_builder.Prepared, _builder.Shapes, _builder.Plan);
        LayerOrderContext context = new(_builder.Plan.Layers, _builder.Plan.Layers.Zip(errors).ToDictionary(l => l.First.Id, l => l.Second.Average()), time.Gains);
        return new ProgressiveChain(order, _builder, ChainTarget.Standard(_builder), ChainSteps.Cut(order.Arrange(context), 32), _settings);
    }

    public async Task<IReadOnlyList<SearchPoint>> AlongAsync(ILayerOrder order)
    {
        (IReadOnlyList<SearchPoint> points, bool isWhole) = await AlongAsync([Chain(order)]);
        Assert.True(isWhole);
        return points;
    }

    /// <returns>What the chains reached, and whether they came to their ends.</returns>
    public async Task<(IReadOnlyList<SearchPoint> Points, bool IsWhole)> AlongAsync(IReadOnlyList<ProgressiveChain> chains)
    {
        List<SearchPoint> points = [];
        ProgressiveSearch search = new(
            _builder, new TimeEstimate(_builder.Prepared, _builder.Shapes, _builder.Plan), this, _ledger, new SearchBudget(_settings, () => 0, default), null);
        bool isWhole = await search.RunAsync(chains, (p, _) => Task.FromResult(p), points.AddRange, default);
        return (points, isWhole);
    }

    public async Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, bool canWait, CancellationToken cancellation)
    {
        await Before(trials);
        WholeModelError error = new(_builder.Prepared, _data, [.. samples.Take(part)], 1);
        return trials.ToDictionary(t => t.Key, t => error.MeasureRaw(t.Emit(_builder.Prepared), cancellation));
    }

    public Task<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>> CorrectAsync(
        IReadOnlyList<CorrectionRequest> requests, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>>([]);

    public Task<double> RememberAsync(string what, Func<double> measure, CancellationToken cancellation) => Task.FromResult(measure());
}
