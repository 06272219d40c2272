using QuantCluster.Data;

namespace QuantCluster.Verification.Tasks;

/// <summary>Classification: the share of records whose label is among the k greatest outputs, in percent.</summary>
/// <param name="labels">The class of every record, by index.</param>
/// <param name="k">How many guesses count; at least 1.</param>
public sealed class TopK(IReadOnlyList<long> labels, int k = 1) : ITaskMetric
{
    public string Name => $"top{k}";

    public string Title => $"top-{k} accuracy";

    public string Unit => "%";

    public string DropUnit => "points";

    public bool IsBinary => true;

    public int? Labelled => labels.Count;

    public void Measure(OutputView output, Sample sample, ICollection<TaskOutcome> outcomes)
    {
        int classes = output.Classes, records = output.Positions;
        long batch = output.Shape.Length > 1 ? output.Shape[0] : 1;
        if (records > batch)
        {
            throw new QuantException(ExitCode.BadData,
                $"{Name} needs one row of class scores a record, but output '{output.Name}' has shape [{string.Join(", ", output.Shape.ToArray())}]. Leave the metric out, or choose one that fits.");
        }

        for (int i = 0; i < records; i++)
        {
            int record = (int)(sample.Index * batch) + i;
            if (record >= labels.Count)
                throw new QuantException(ExitCode.BadData, $"record {record} has no label: there are {labels.Count} labels.");
            long label = labels[record];
            if (label < 0 || label >= classes)
                throw new QuantException(ExitCode.BadData, $"record {record}: label {label} is not one of the {classes} classes of output '{output.Name}'.");
            outcomes.Add(new TaskOutcome(IsAmongBest(output.Row(i), (int)label) ? 1 : 0, 1));
        }
    }

    public double Score(double total, double count) => 100 * total / count;

    public double Drop(double reference, double quantized) => reference - quantized;

    /// <summary>Equal scores are ranked by class index, as argmax does.</summary>
    private bool IsAmongBest(ReadOnlySpan<float> row, int label)
    {
        float own = row[label];
        if (float.IsNaN(own))
            return false;
        int better = 0;
        for (int i = 0; i < row.Length && better < k; i++)
        {
            if (row[i] > own || (row[i] == own && i < label))
                better++;
        }

        return better < k;
    }
}
