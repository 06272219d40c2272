using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Guard;
using QuantCluster.Search.Objectives;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// A configured plan → the same with layers back in float until the task does not suffer, on samples held back. Only where
/// something is known of the task: the outputs are a language model's, or the calibration data say what is true.
/// </summary>
internal sealed class GuardStage
{
    private const string StageName = "guard";

    /// <summary>The estimate must leave the model faster than float by this much: it is no measurement.</summary>
    private const double LeastGain = 0.03;

    /// <summary>Samples that rank layers, and samples that judge, at most.</summary>
    private const int RankingSamples = 16, JudgingSamples = 128;

    private readonly StageContext _context;
    private readonly BlobId _model;
    private readonly OnnxModel _prepared;
    private readonly int _workers;
    private readonly bool _task;

    public GuardStage(StageContext context, BlobId model, OnnxModel prepared, int workers)
    {
        (_context, _model, _prepared, _workers) = (context, model, prepared, workers);
        _task = HasTask(context.Sources);
    }

    /// <param name="chosen">What would be emitted.</param>
    /// <param name="shapesAsync">Gives every tensor's shape in one run; asked only where something may be known of the task.</param>
    /// <param name="onIntegers">The fast start of a search, from which layers go back to float as well; null where that is what was chosen.</param>
    /// <param name="onIntegersRanges">Blob of its configuration before corrections.</param>
    /// <returns>What is to be emitted, and what was found; null where nothing is known of the task.</returns>
    public async Task<(ConfiguredPlan Chosen, GuardOutcome? Outcome)> RunAsync(
        ConfiguredPlan chosen, Func<Task<IReadOnlyDictionary<string, TensorShape>>> shapesAsync, Trial? onIntegers, BlobId? onIntegersRanges, CancellationToken cancellation)
    {
        double tolerance = _context.Settings.TaskTolerance;
        if (double.IsPositiveInfinity(tolerance) || (!_task && !ReadsIntegers))
            return (chosen, null);
        IReadOnlyDictionary<string, TensorShape> shapes = await shapesAsync();
        if (!_task && !AnswersTokens(shapes))
            return (chosen, null);
        Trial start = new(chosen.Plan, await _context.Handlers.Values.ConfigurationAsync(chosen.Configuration, cancellation));
        TaskDrop before = await DropAsync(start, cancellation);
        if (before is { Expected: null, Measured: null })
            return (chosen, null);
        GuardOutcome none = new(tolerance, before, before, []);

        // Equalized channels belong to pairs of layers: one of a pair alone would compute something else.
        QuantizationConfiguration ranges = await _context.Handlers.Values.ConfigurationAsync(chosen.Ranges, cancellation);
        bool separable = start.Configuration.Scalings.Count > 0 || ScaledTensors.Between(_prepared, chosen.Plan, ranges, start.Configuration).Count == 0;
        if (none.IsMet || !separable)
            return (chosen, none);

        TimeEstimate estimate = new(_prepared, shapes, onIntegers?.Plan ?? chosen.Plan);
        double most = estimate.Of((onIntegers?.Plan ?? chosen.Plan) with { Layers = [], Points = [] }) * (1 - LeastGain);
        (int[] ranking, _) = SampleSplit.Of(_context.Sources.Data.Count, RankingSamples);
        List<(Trial Trial, BlobId Ranges, GuardOutcome Outcome)> found = [];
        foreach ((Trial from, BlobId its) in new[] { (start, chosen.Ranges), (onIntegers ?? start, onIntegersRanges ?? chosen.Ranges) }.DistinctBy(t => t.Item1.Key))
        {
            TaskGuard guard = new(back => Without(from, shapes, back), estimate.Of, most);
            (Trial after, GuardOutcome came) = await guard.RunAsync(
                from, from == start ? before : await DropAsync(from, cancellation), tolerance,
                async trials => [.. (await MeasureAsync(trials, ranking, cancellation)).Select(e => before.Expected is null ? new Auto().Errors(e).Average() : TaskDrop.Of(e).Expected!.Value.Mean)],
                t => DropAsync(t, cancellation));
            found.Add((after, its, came));
        }

        (Trial best, BlobId uncorrected, GuardOutcome outcome) = found.OrderBy(f => f.Outcome.IsMet ? 0 : 1).ThenBy(f => f.Outcome.After.Mean).First();
        if (best == start)
            return (chosen, outcome);
        BlobId plan = await _context.Directory.Blobs.PutAsync(CanonicalJson.Serialize(best.Plan, StageJson.Default.QuantizationPlan), cancellation);
        BlobId kept = await _context.Directory.Blobs.PutAsync(ConfigurationFile.ToBytes(best.Configuration), cancellation);
        HashSet<string> quantized = [.. best.Plan.Layers.Select(l => l.Id)];
        return (new ConfiguredPlan(plan, best.Plan, uncorrected, kept, chosen.Corrections), outcome with
        {
            Before = before,
            BackToFloat = [.. chosen.Plan.Layers.Select(l => l.Id).Where(id => !quantized.Contains(id))],
        });
    }

    /// <summary>What is known of a trial's task on held-back samples.</summary>
    public async Task<TaskDrop> DropAsync(Trial trial, CancellationToken cancellation)
    {
        (_, int[] held) = SampleSplit.Of(_context.Sources.Data.Count, JudgingSamples);
        return TaskDrop.Of((await MeasureAsync([trial], held, cancellation))[0]);
    }

    private async Task<IReadOnlyList<SampleError[][]>> MeasureAsync(IReadOnlyList<Trial> trials, int[] samples, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, SampleError[][]> errors =
            await TrialsStage.MeasureAsync(StageName, _context, _model, trials, samples, ..samples.Length, _workers, cancellation, _task);
        return [.. trials.Select(t => errors[t.Key])];
    }

    /// <summary>The trial with some layers back in float: a part makes no new points, so the configuration has every number that is needed.</summary>
    private Trial? Without(Trial start, IReadOnlyDictionary<string, TensorShape> shapes, IReadOnlyCollection<string> back)
    {
        QuantizationPlan part = PartialPlan.Of(_prepared, shapes, start.Plan, start.Plan.Layers.Select(l => l.Id).Except(back).ToHashSet());
        if (part.Layers.Count == 0)
            return null;
        HashSet<string> layers = [.. part.Layers.Select(l => l.Id)], points = [.. part.Points.Select(p => p.Tensor)];
        QuantizationConfiguration whole = start.Configuration;
        return new Trial(part, whole with
        {
            Activations = whole.Activations.Where(a => points.Contains(a.Key)).ToDictionary(),
            Weights = whole.Weights.Where(w => layers.Contains(w.Key)).ToDictionary(),
            Biases = whole.Biases.Where(b => layers.Contains(b.Key)).ToDictionary(),
        });
    }

    /// <summary>Whether an input may hold tokens: what a language model's does.</summary>
    private bool ReadsIntegers => _context.Sources.Inputs.Any(i => i.Type is ElementType.Int64 or ElementType.Int32);

    /// <summary>Whether an output may have one distribution for each token: what a language model's has.</summary>
    private bool AnswersTokens(IReadOnlyDictionary<string, TensorShape> shapes) =>
        _prepared.Graph.Proto.Output.Any(o => shapes.TryGetValue(o.Name, out TensorShape shape) && shape.Rank == 3);

    /// <summary>Whether the calibration data say what is true; whether all of it is there is not asked before it is needed.</summary>
    private static bool HasTask(JobSources sources)
    {
        try
        {
            return sources.DataTask is not null;
        }
        catch (QuantException)
        {
            return false;
        }
    }
}
