using QuantCluster.Search;
using QuantCluster.Search.Objectives;

namespace QuantCluster.Jobs.Stages;

/// <summary>Trials → the errors of each, one a sample; one work item a trial and block.</summary>
internal static class TrialsStage
{
    /// <returns>By the trial's key.</returns>
    public static async Task<IReadOnlyDictionary<string, double[]>> RunAsync(
        StageContext context, BlobId model, IReadOnlyList<Trial> trials, int[] samples, int workers, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, SampleError[][]> parts = await MeasureAsync("trials", context, model, trials, samples, ..samples.Length, workers, cancellation);
        return parts.ToDictionary(p => p.Key, p => new Auto().Errors(p.Value));
    }

    /// <inheritdoc cref="MeasureAsync(StageContext, Func{IReadOnlyList{WorkItem}, CancellationToken, Task{IReadOnlyList{BlobId}}}, BlobId, IReadOnlyList{Trial}, IReadOnlyList{int}, Range, int, CancellationToken, bool, bool)"/>
    /// <param name="stage">What progress and times are told of.</param>
    public static Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        string stage, StageContext context, BlobId model, IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, int workers, CancellationToken cancellation, bool task = false) =>
        MeasureAsync(context, (items, c) => context.RunItemsAsync(stage, items, c), model, trials, samples, part, workers, cancellation, task);

    /// <summary>The raw errors on a part of the samples, from which every objective follows.</summary>
    /// <param name="runAsync">Does the items.</param>
    /// <param name="part">Places in the list of samples; it begins at a whole block.</param>
    /// <param name="canWait">Whether other items of the run go first.</param>
    /// <returns>By the trial's key.</returns>
    public static async Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        StageContext context, Func<IReadOnlyList<WorkItem>, CancellationToken, Task<IReadOnlyList<BlobId>>> runAsync, BlobId model, IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, int workers, CancellationToken cancellation, bool task = false, bool canWait = false)
    {
        (int first, int count) = part.GetOffsetAndLength(samples.Count);
        ArgumentOutOfRangeException.ThrowIfNotEqual(first % EvaluateTrial.BlockSize, 0);
        int begin = first / EvaluateTrial.BlockSize, end = (first + count + EvaluateTrial.BlockSize - 1) / EvaluateTrial.BlockSize;
        Trial[] distinct = [.. trials.DistinctBy(t => t.Key)];
        WorkItem[][] items = new WorkItem[distinct.Length][];
        for (int t = 0; t < distinct.Length; t++)
        {
            BlobId trial = await context.Handlers.Trials.PutAsync(distinct[t], cancellation);
            WorkItem[] blocks = EvaluateTrial.ItemsOf(trial, context.Directory.Specification.Tool, model, context.DataKey, samples, task)[begin..end];
            if (context.Runner.IsRemote)
                blocks = await context.Handlers.WithAffinityAsync(trial, distinct[t], model, blocks);
            items[t] = [.. blocks.Select(b => b with { Layers = distinct[t].Layers, CanWait = canWait })];
        }

        WorkItem[] order = [.. items.Chunk(workers).SelectMany(InTurn)];
        IReadOnlyList<BlobId> results = await runAsync(order, cancellation);

        Dictionary<string, BlobId> byItem = order.Zip(results).ToDictionary(p => p.First.Key, p => p.Second);
        Dictionary<string, SampleError[][]> errors = [];
        for (int t = 0; t < distinct.Length; t++)
        {
            List<SampleError[]> parts = [];
            foreach (WorkItem item in items[t])
                parts.AddRange(EvaluateTrial.Parse(await context.Directory.Blobs.GetAsync(byItem[item.Key], cancellation)));
            errors[distinct[t].Key] = [.. parts];
        }

        return errors;
    }

    /// <summary>As many trials side by side as there are workers, block by block: no worker waits for another's session.</summary>
    private static IEnumerable<WorkItem> InTurn(WorkItem[][] trials) =>
        Enumerable.Range(0, trials.Max(t => t.Length)).SelectMany(b => trials.Where(t => b < t.Length).Select(t => t[b]));
}
