using System.Globalization;
using System.Text.Json;
using QuantCluster.Onnx;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: the errors of one trial's emitted model on one block of samples, run as users of the model will.</summary>
internal sealed class EvaluateTrial(OnnxModel prepared, WholeModelError objective, IEnumerable<Trial> trials, int threads, int workers) : IWorkHandler, IDisposable
{
    public const string KindName = "evaluate-trial";

    /// <summary>
    /// Samples a block, by their place in the list: decides the arithmetic. Enough that a session is worth making, few
    /// enough that a hopeless trial can be stopped.
    /// </summary>
    public const int BlockSize = 16;

    private readonly Dictionary<string, Trial> _trials = trials.DistinctBy(t => t.Key).ToDictionary(t => t.Key);
    private readonly TrialSessions _sessions = new(prepared, threads, workers);

    public string Kind => KindName;

    /// <summary>The items of trials: for each trial those of its blocks, in order.</summary>
    /// <param name="inputs">What errors depend on besides the trial: program, prepared model, data, samples.</param>
    public static WorkItem[] ItemsOf(Trial trial, int samples, IReadOnlyList<string> inputs) =>
    [
        .. Enumerable.Range(0, (samples + BlockSize - 1) / BlockSize).Select(b => new WorkItem(
            KindName,
            string.Create(CultureInfo.InvariantCulture, $"{trial.Key} {b * BlockSize}..{Math.Min(samples, (b + 1) * BlockSize)}"),
            inputs)),
    ];

    public ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        string[] parts = item.Argument.Split(' ');
        int[] ends = [.. parts[1].Split("..").Select(e => int.Parse(e, CultureInfo.InvariantCulture))];
        using TrialSessions.Loan loan = _sessions.Borrow(_trials[parts[0]]);
        SampleError[][] errors = objective.Measure(loan.Session, ends[0]..ends[1], cancellation);
        return ValueTask.FromResult(CanonicalJson.Serialize(errors, StageJson.Default.SampleErrorArrayArray));
    }

    public static SampleError[][] Parse(ReadOnlySpan<byte> result) => JsonSerializer.Deserialize(result, StageJson.Default.SampleErrorArrayArray)!;

    public void Dispose() => _sessions.Dispose();
}
