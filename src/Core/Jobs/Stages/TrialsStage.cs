using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>Trials → the errors of each, one a sample; one work item a trial and block.</summary>
internal static class TrialsStage
{
    /// <returns>By the trial's key.</returns>
    public static async Task<IReadOnlyDictionary<string, double[]>> RunAsync(
        StageContext context, BlobId model, IReadOnlyList<Trial> trials, int[] samples, int workers, CancellationToken cancellation)
    {
        Trial[] distinct = [.. trials.DistinctBy(t => t.Key)];
        WorkItem[][] items = new WorkItem[distinct.Length][];
        for (int t = 0; t < distinct.Length; t++)
        {
            BlobId trial = await context.Handlers.Trials.PutAsync(distinct[t], cancellation);
            items[t] = EvaluateTrial.ItemsOf(trial, context.Directory.Specification.Tool, model, context.DataKey, samples);
        }

        WorkItem[] order = [.. items.Chunk(workers).SelectMany(InTurn)];
        IReadOnlyList<BlobId> results = await context.RunItemsAsync("trials", order, cancellation);

        Dictionary<string, BlobId> byItem = order.Zip(results).ToDictionary(p => p.First.Key, p => p.Second);
        Dictionary<string, double[]> errors = [];
        for (int t = 0; t < distinct.Length; t++)
        {
            List<SampleError[]> parts = [];
            foreach (WorkItem item in items[t])
                parts.AddRange(EvaluateTrial.Parse(await context.Directory.Blobs.GetAsync(byItem[item.Key], cancellation)));
            errors[distinct[t].Key] = SampleError.Combine(parts);
        }

        return errors;
    }

    /// <summary>As many trials side by side as there are workers, block by block: no worker waits for another's session.</summary>
    private static IEnumerable<WorkItem> InTurn(WorkItem[][] trials) =>
        Enumerable.Range(0, trials.Max(t => t.Length)).SelectMany(b => trials.Where(t => b < t.Length).Select(t => t[b]));
}
