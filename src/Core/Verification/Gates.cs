using System.Globalization;

namespace QuantCluster.Verification;

/// <summary>What a quantized model must reach, for use in continuous integration.</summary>
public sealed record Gates
{
    /// <summary>What is said where a drop is limited but nothing can drop.</summary>
    public const string NeedsTask = "--max-drop needs a task metric: give \"labels\" and \"metric\" in the dataset's spec, or --labels and --metric.";

    /// <summary>Least SQNR in dB.</summary>
    public double? MinimumSqnrDb { get; init; }

    /// <summary>Greatest drop of the task metric: percentage points, or percent of the NLL (see <see cref="ITaskMetric.DropUnit"/>).</summary>
    public double? MaximumDrop { get; init; }

    /// <summary>Judges a result, one verdict a gate.</summary>
    /// <exception cref="QuantException">A drop is limited, but no task metric was measured.</exception>
    public IReadOnlyList<GateVerdict> Judge(VerificationResult result)
    {
        List<GateVerdict> verdicts = [];
        if (MinimumSqnrDb is { } minimum)
        {
            double sqnr = result.Error("sqnr_db") ?? double.NaN;
            verdicts.Add(new GateVerdict("min-sqnr", minimum, sqnr, sqnr >= minimum, Format($"SQNR is {sqnr:0.00} dB; at least {minimum:0.##} dB are asked for")));
        }

        if (MaximumDrop is { } maximum)
        {
            TaskResult task = result.Task ?? throw new QuantException(ExitCode.Usage, NeedsTask);
            string change = task.Drop >= 0 ? "drops" : "rises";
            verdicts.Add(new GateVerdict("max-drop", maximum, task.Drop, task.Drop <= maximum,
                Format($"{task.Title} {change} by {Math.Abs(task.Drop):0.00} {task.DropUnit} (from {task.Reference:0.00##} to {task.Quantized:0.00##}); a drop of at most {maximum:0.##} is allowed")));
        }

        return verdicts;
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Whether one gate was met.</summary>
/// <param name="Name">The option's name without dashes.</param>
/// <param name="Limit">What was asked for.</param>
/// <param name="Value">What was measured.</param>
/// <param name="IsMet">Whether it suffices; NaN never does.</param>
/// <param name="Message">Both in one sentence.</param>
public sealed record GateVerdict(string Name, double Limit, double Value, bool IsMet, string Message);
