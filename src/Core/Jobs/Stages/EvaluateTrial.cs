using System.Collections.Concurrent;
using System.Text.Json;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Prefixes;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: the errors of one trial's emitted model on one block of samples, run as users of the model will.</summary>
internal sealed class EvaluateTrial(JobValues values, TrialStore trials, JobSources sources, int threads, int workers) : IWorkHandler
{
    public const string KindName = "evaluate-trial";

    /// <summary>
    /// Samples a block, by their place in the list: decides the arithmetic. Enough that a session is worth making, few
    /// enough that a hopeless trial can be stopped.
    /// </summary>
    public const int BlockSize = 16;

    private readonly PieceRuns _runs = new(workers, new SessionSettings { Threads = threads });
    private readonly ConcurrentDictionary<string, Lazy<(IReadOnlyList<string> Tensors, Beginnings Beginnings)>> _cuts = new();
    private readonly ConcurrentDictionary<(string Model, string Samples, bool Task), WholeModelError> _objectives = new();

    public string Kind => KindName;

    /// <summary>The items of a trial: its blocks, in order.</summary>
    /// <param name="trial">The trial's blob.</param>
    /// <param name="tool">The program.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="data">Identifies the data.</param>
    /// <param name="samples">Indices of the samples it is judged on.</param>
    /// <param name="task">Whether the task is judged too.</param>
    public static WorkItem[] ItemsOf(BlobId trial, string tool, BlobId model, string data, IReadOnlyList<int> samples, bool task = false)
    {
        string indices = SampleIndices.Format(samples);
        return [.. SampleRange.Blocks(samples.Count, BlockSize).Select(block => new WorkItem(
            KindName, $"{trial} {block}", task ? [tool, model.Value, data, indices, "task"] : [tool, model.Value, data, indices]))];
    }

    /// <summary>
    /// What a trial's items have in common with others, the most first: for a trial of several items itself, whose sessions are open;
    /// then what its beginnings gave on the item's own block; then the sessions of its beginnings.
    /// </summary>
    /// <param name="id">The trial's blob.</param>
    /// <param name="trial">The trial; it was stored.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="items">Of the trial (<see cref="ItemsOf"/>).</param>
    /// <returns>The items, each with its affinity.</returns>
    public async ValueTask<WorkItem[]> WithAffinityAsync(BlobId id, Trial trial, BlobId model, WorkItem[] items)
    {
        IReadOnlyList<string> beginnings = CutsOf(model.Value, await values.ModelAsync(model)).Beginnings.Of(trial, trials.NameOf);
        string[] own = items.Length == 1 ? [] : [id.Value];
        return [.. items.Select(With)];

        WorkItem With(WorkItem item)
        {
            // As short as they may be: of each worker some hundred are remembered.
            string block = ContentHash.Of(BlockOf(item))[..16];
            return item with { Affinity = [.. own, .. beginnings.Select(b => $"{b[..16]} {block}"), .. beginnings] };
        }
    }

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        string[] parts = item.Argument.Split(' ');
        OnnxModel prepared = await values.ModelAsync(BlobId.Parse(item.Inputs[1]));
        WholeModelError objective = _objectives.GetOrAdd((item.Inputs[1], item.Inputs[3], item.Inputs.Count > 4), key => new WholeModelError(
            prepared, sources.Data, SampleIndices.Parse(key.Samples), threads,
            key.Task ? sources.DataTask : null));

        // Only who opens a session reads the trial.
        Range block = SampleRange.Parse(parts[1]);
        using BlockRun run = _runs.Begin(
            parts[0], () => trials.GetAsync(BlobId.Parse(parts[0]), cancellation).GetAwaiter().GetResult().Emit(prepared),
            CutsOf(item.Inputs[1], prepared).Tensors, BlockOf(item), block.End.Value - block.Start.Value);
        SampleError[][] errors = objective.Measure(run.Run, block, cancellation);
        WorkInstruments.AddTrial(block.End.Value - block.Start.Value);
        return CanonicalJson.Serialize(errors, StageJson.Default.SampleErrorArrayArray);
    }

    public static SampleError[][] Parse(ReadOnlySpan<byte> result) => JsonSerializer.Deserialize(result, StageJson.Default.SampleErrorArrayArray)!;

    public void Release()
    {
        _runs.Release();
        _objectives.Clear();
    }

    /// <summary>Equal names, equal samples.</summary>
    private static string BlockOf(WorkItem item) => $"{item.Inputs[3]} {item.Argument[(item.Argument.IndexOf(' ') + 1)..]}";

    /// <summary>Where candidates of a model come apart: the same in every process.</summary>
    private (IReadOnlyList<string> Tensors, Beginnings Beginnings) CutsOf(string model, OnnxModel prepared) => _cuts.GetOrAdd(model, _ => new(() =>
    {
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, sources.Data.Read(0));
        IReadOnlyList<string> tensors = ModelCuts.Of(prepared, shapes, Planner.Plan(prepared, shapes, PlanSettings.Default).Layers, PieceRuns.Cuts);
        return (tensors, new Beginnings(prepared, tensors));
    })).Value;
}
