using QuantCluster.Data;

namespace QuantCluster.Verification;

/// <summary>What one record (a picture, a sentence, a line of text) scored.</summary>
/// <param name="Total">Points, e.g. 1 for a right answer, or −Σ ln p over a sentence's tokens.</param>
/// <param name="Count">What <paramref name="Total"/> is divided by, e.g. 1, or the number of tokens.</param>
public readonly record struct TaskOutcome(double Total, double Count);

/// <summary>How well a model does its task, judged by the first float output and the truth.</summary>
public interface ITaskMetric
{
    /// <summary>As written in a dataset's <c>metric</c>, e.g. <c>top1</c>.</summary>
    string Name { get; }

    /// <summary>What people call it, e.g. <c>top-1 accuracy</c>.</summary>
    string Title { get; }

    /// <summary>Unit of <see cref="Score"/>.</summary>
    string Unit { get; }

    /// <summary>Unit of <see cref="Drop"/>.</summary>
    string DropUnit { get; }

    /// <summary>Whether a record is either right or wrong, so that McNemar's test applies.</summary>
    bool IsBinary { get; }

    /// <summary>Records it knows the truth of; null where the inputs themselves are the truth.</summary>
    int? Labelled { get; }

    /// <summary>Appends the outcome of every record of <paramref name="sample"/>.</summary>
    /// <exception cref="QuantException">The output or the sample does not fit the task.</exception>
    void Measure(OutputView output, Sample sample, ICollection<TaskOutcome> outcomes);

    /// <summary>The score from the summed outcomes; greater is better.</summary>
    double Score(double total, double count);

    /// <summary>How much worse <paramref name="quantized"/> is than <paramref name="reference"/> (both scores); negative if better.</summary>
    double Drop(double reference, double quantized);
}
