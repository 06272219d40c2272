using System.Diagnostics;
using QuantCluster.Corrections;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>Does what the search asks for as work items on the job's engine: each is journalled, and never done twice.</summary>
/// <param name="plan">Blob of the plan with every layer.</param>
/// <param name="evidence">Indices of the samples corrections are made on.</param>
/// <param name="task">Whether the task is judged too.</param>
internal sealed class JobTrialRunner(StageContext context, BlobId model, BlobId plan, IReadOnlyList<int> evidence, int workers, bool task) : ITrialRunner
{
    public const string StageName = SearchProgress.StageName;

    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _inItems;

    /// <summary>Seconds the search has taken: items of earlier processes count with the time they took then.</summary>
    public double Seconds =>
        context.Runner.Seconds.GetValueOrDefault(StageName) + (Stopwatch.GetElapsedTime(_started) - _inItems).TotalSeconds;

    public async Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            return await TrialsStage.MeasureAsync(StageName, context, model, trials, samples, part, workers, cancellation, task);
        }
        finally
        {
            _inItems += Stopwatch.GetElapsedTime(began);
        }
    }

    public async Task<double> RememberAsync(string what, Func<double> measure, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync(
            StageName, ["remember", what, model.Value, plan.Value, context.DataKey],
            _ => new Dictionary<string, byte[]> { ["value"] = BitConverter.GetBytes(measure()) }, cancellation);
        return BitConverter.ToDouble(await context.Directory.Blobs.GetAsync(outputs["value"], cancellation));
    }

    public async Task<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>> CorrectAsync(
        IReadOnlyList<CorrectionRequest> requests, CancellationToken cancellation)
    {
        if (requests.Count == 0)
            return [];
        long began = Stopwatch.GetTimestamp();
        try
        {
            List<WorkItem> items = [];
            foreach (CorrectionRequest request in requests)
            {
                BlobId trial = await context.Handlers.Trials.PutAsync(request.Trial, cancellation);
                items.Add(CorrectTrial.ItemOf(trial, request, context.Directory.Specification.Tool, model, plan, context.DataKey, evidence));
            }

            IReadOnlyList<BlobId> results = await context.RunItemsAsync(StageName, items, cancellation);
            List<IReadOnlyDictionary<string, CorrectedLayer>> corrected = [];
            foreach (BlobId result in results)
                corrected.Add(CorrectTrial.Parse(await context.Directory.Blobs.GetAsync(result, cancellation)));
            return corrected;
        }
        finally
        {
            _inItems += Stopwatch.GetElapsedTime(began);
        }
    }
}
