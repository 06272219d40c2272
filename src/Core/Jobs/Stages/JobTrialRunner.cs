using System.Diagnostics;
using QuantCluster.Corrections;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// Does what the search asks for as work items on the job's engine: each is journalled, and never done twice. All of a
/// search is one run of the engine; what is asked for at once is done side by side. Thread-safe.
/// </summary>
/// <param name="plan">Blob of the plan with every layer.</param>
/// <param name="evidence">Indices of the samples corrections are made on.</param>
/// <param name="task">Whether the task is judged too.</param>
internal sealed class JobTrialRunner(StageContext context, BlobId model, BlobId plan, IReadOnlyList<int> evidence, int workers, bool task) : ITrialRunner, IAsyncDisposable
{
    public const string StageName = SearchProgress.StageName;

    private readonly StageItems _items = context.Open(StageName);
    private readonly Lock _lock = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _inCalls;
    private long _callsBegan;
    private int _calls;

    /// <summary>Seconds the search has taken: items of earlier processes count with the time they took then.</summary>
    public double Seconds
    {
        get
        {
            // While something is asked for, items count, and the time they are finished in; else what the search does itself.
            lock (_lock)
                return context.Runner.SecondsOf(StageName) + (Stopwatch.GetElapsedTime(_started) - _inCalls - (_calls > 0 ? Stopwatch.GetElapsedTime(_callsBegan) : default)).TotalSeconds;
        }
    }

    public Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, bool canWait, CancellationToken cancellation) =>
        CallAsync(() => TrialsStage.MeasureAsync(context, _items.RunAsync, model, trials, samples, part, workers, cancellation, task, canWait));

    public async Task<double> RememberAsync(string what, Func<double> measure, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync(
            StageName, ["remember", what, model.Value, plan.Value, context.DataKey],
            _ => new Dictionary<string, byte[]> { ["value"] = BitConverter.GetBytes(measure()) }, cancellation);
        return BitConverter.ToDouble(await context.Directory.Blobs.GetAsync(outputs["value"], cancellation));
    }

    public Task<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>> CorrectAsync(
        IReadOnlyList<CorrectionRequest> requests, CancellationToken cancellation) =>
        CallAsync(async () =>
        {
            List<WorkItem> items = [];
            foreach (CorrectionRequest request in requests)
            {
                BlobId trial = await context.Handlers.Trials.PutAsync(request.Trial, cancellation);
                items.Add(CorrectTrial.ItemOf(trial, request, context.Directory.Specification.Tool, model, plan, context.DataKey, evidence));
            }

            List<IReadOnlyDictionary<string, CorrectedLayer>> corrected = [];
            foreach (BlobId result in await _items.RunAsync(items, cancellation))
                corrected.Add(CorrectTrial.Parse(await context.Directory.Blobs.GetAsync(result, cancellation)));
            return (IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>)corrected;
        });

    public ValueTask DisposeAsync() => _items.DisposeAsync();

    /// <summary>Notes the time in which one call at least is under way.</summary>
    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        lock (_lock)
        {
            if (_calls++ == 0)
                _callsBegan = Stopwatch.GetTimestamp();
        }

        try
        {
            return await call();
        }
        finally
        {
            lock (_lock)
            {
                if (--_calls == 0)
                    _inCalls += Stopwatch.GetElapsedTime(_callsBegan);
            }
        }
    }
}
