using System.Globalization;
using QuantCluster.Onnx;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>Trials → the errors of each, one a sample; one work item a trial and block.</summary>
internal static class TrialsStage
{
    public static async Task<IReadOnlyDictionary<string, double[]>> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, IReadOnlyList<Trial> trials, int[] samples, int threadsPerRun, int workers, CancellationToken cancellation)
    {
        string[] inputs =
        [
            context.Directory.Specification.Tool, model.Value, context.DataKey,
            string.Join(' ', samples.Select(s => s.ToString(CultureInfo.InvariantCulture))),
        ];
        Trial[] distinct = [.. trials.DistinctBy(t => t.Key)];
        WorkItem[][] items = [.. distinct.Select(t => EvaluateTrial.ItemsOf(t, samples.Length, inputs))];

        WholeModelError objective = new(prepared, context.Sources.Data, samples, threadsPerRun);
        using EvaluateTrial handler = new(prepared, objective, distinct, threadsPerRun, workers);
        WorkItem[] order = [.. items.Chunk(workers).SelectMany(InTurn)];
        IReadOnlyList<BlobId> results = await context.Runner.RunItemsAsync(
            "trials", order, new Dictionary<string, IWorkHandler> { [handler.Kind] = handler }, cancellation);

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
