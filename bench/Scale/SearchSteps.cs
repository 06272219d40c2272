using QuantCluster.Corrections;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Objectives;
using QuantCluster.Search.Orders;

namespace QuantCluster.Bench;

/// <summary>
/// The chains of a real search, walked a number of trials at a time: candidates of all chains' steps, judged block by block,
/// the corrections of the layers that were chosen, what came of them, and its validation. As in a job, the coordinator
/// makes every candidate of a step before any of it is run; the last step is judged before the time is up.
/// </summary>
internal sealed class SearchSteps : IAsyncDisposable
{
    private readonly SearchSettings _settings;
    private readonly TrialBuilder _builder;
    private readonly TimeEstimate _time;
    private readonly JobTrialRunner _runner;
    private readonly TrialLedger _ledger;
    private readonly ProgressiveChain[] _chains;

    private SearchSteps(SearchSettings settings, TrialBuilder builder, TimeEstimate time, JobTrialRunner runner, TrialLedger ledger, ProgressiveChain[] chains) =>
        (_settings, _builder, _time, _runner, _ledger, _chains) = (settings, builder, time, runner, ledger, chains);

    public static async Task<SearchSteps> BeginAsync(StageContext context, TrialBuilder builder, BlobId model, BlobId plan, SearchSettings settings)
    {
        double multiplyAccumulates = builder.Plan.Layers.Sum(l => (double)l.MultiplyAccumulates);
        SampleSplit split = SampleSplit.Of(context.Sources.Data.Count, 128);
        int[] evidence = SampleSplit.Spread(split.Search, CorrectionSettings.SamplesFor(multiplyAccumulates));
        JobTrialRunner runner = new(context, model, plan, evidence, 1, false);
        TrialLedger ledger = new(runner, SearchObjectives.Get(settings.Objective), split, EvaluateTrial.BlockSize);
        Layer[] layers = [.. builder.Plan.Layers];
        IReadOnlyList<double[]> alone = await ledger.GlanceAsync([.. layers.Select(l => builder.BuildOnly([l.Id]))], default);
        TimeEstimate time = new(builder.Prepared, builder.Shapes, builder.Plan);
        LayerOrderContext order = new(layers, layers.Zip(alone).ToDictionary(l => l.First.Id, l => l.Second.Average()), time.Gains);
        ChainTarget target = ChainTarget.Standard(builder);
        ProgressiveChain[] chains =
        [
            .. settings.OrderNames.Select(LayerOrders.Get).Select(o => new ProgressiveChain(o, builder, target, ChainSteps.Cut(o.Arrange(order), settings.MostSteps), settings)),
        ];
        return new SearchSteps(settings, builder, time, runner, ledger, chains);
    }

    /// <summary>Goes on for so many trials at least, by whole steps; until the chains end.</summary>
    /// <returns>How many there were.</returns>
    public async Task<int> GoOnAsync(int trials)
    {
        int before = _ledger.Count, wanted = before + trials;
        bool ended = false;
        for (int allowed = wanted; _ledger.Count < wanted && !ended; allowed += 8)
        {
            SearchBudget budget = new(_settings with { Trials = (int)Math.Ceiling(allowed / ProgressiveSearch.Share) }, () => 0, default);
            ended = await new ProgressiveSearch(_builder, _time, _runner, _ledger, budget, null).RunAsync(
                _chains, JudgeAsync, _ => { }, default);
        }

        return _ledger.Count - before;
    }

    private async Task<SearchPoint> JudgeAsync(SearchPoint point, CancellationToken cancellation) =>
        point with { ValidationErrors = (await _ledger.ValidateAsync([point.Trial], cancellation))[0] };

    public ValueTask DisposeAsync() => _runner.DisposeAsync();
}
