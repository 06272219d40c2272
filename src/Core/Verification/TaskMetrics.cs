using QuantCluster.Data;
using QuantCluster.Verification.Tasks;

namespace QuantCluster.Verification;

/// <summary>The truth a task metric judges by; what is not needed stays null.</summary>
public sealed record TaskTruth
{
    /// <summary>Class of every record.</summary>
    public IReadOnlyList<long>? Classes { get; init; }

    /// <summary>Text of every record.</summary>
    public IReadOnlyList<string>? Texts { get; init; }

    /// <summary>File with one character a line (<see cref="CtcLines"/>).</summary>
    public string? Dictionary { get; init; }
}

/// <summary>Every task metric, by the name a dataset's <c>metric</c> gives it.</summary>
public static class TaskMetrics
{
    public const string Known = "top1, topK (K any number), next-token-nll, ctc-lines";

    /// <summary>The metric a spec names, with its labels read; null where it names none.</summary>
    /// <exception cref="QuantException">The metric is unknown, or its labels cannot be read.</exception>
    public static ITaskMetric? Of(DatasetSpec? spec)
    {
        if (spec?.Metric is not { } name)
            return null;
        Labels? labels = spec.Labels is { } path ? Labels.Load(path) : null;
        return Create(name, new TaskTruth { Classes = labels?.Classes, Texts = labels?.Texts, Dictionary = spec.Dictionary });
    }

    /// <exception cref="QuantException">There is no such metric, or what it judges by is missing.</exception>
    public static ITaskMetric Create(string name, TaskTruth truth) => name switch
    {
        "next-token-nll" => new NextToken(),
        "ctc-lines" => new CtcLines(
            truth.Texts ?? throw Missing(name, "labels that are texts: a JSON list of strings"),
            CtcLines.ReadCharacters(truth.Dictionary ?? throw Missing(name, "a dictionary: a file with one character a line"))),
        _ when name.StartsWith("top", StringComparison.Ordinal) && int.TryParse(name.AsSpan(3), out int k) && k >= 1 =>
            new TopK(truth.Classes ?? throw Missing(name, "labels that are classes: a .npy of integers, or a JSON list of them"), k),
        _ => throw new QuantException(ExitCode.Usage, $"unknown metric '{name}'; there are {Known}."),
    };

    private static QuantException Missing(string metric, string what) => new(ExitCode.BadData, $"metric '{metric}' needs {what}.");
}
