namespace QuantCluster.Verification;

/// <summary>The sums of several metrics over some samples: what a block yields and a model's result is merged from.</summary>
public sealed class ErrorTally
{
    private readonly IReadOnlyList<IErrorMetric> _metrics;

    /// <param name="metrics">What to measure; null for <see cref="ErrorMetrics.All"/>.</param>
    public ErrorTally(IReadOnlyList<IErrorMetric>? metrics = null)
    {
        _metrics = metrics ?? ErrorMetrics.All;
        Terms = [.. _metrics.Select(m => new double[m.Terms])];
    }

    /// <summary>Samples added.</summary>
    public int Samples { get; private set; }

    /// <summary>Each metric's sums, in the metrics' order.</summary>
    public IReadOnlyList<double[]> Terms { get; }

    /// <summary>Adds one output of a sample.</summary>
    public void Add(OutputPair pair)
    {
        for (int i = 0; i < _metrics.Count; i++)
            _metrics[i].Add(pair, Terms[i]);
        if (pair.IsPrimary)
            Samples++;
    }

    /// <summary>Adds the samples of a later block.</summary>
    public void Merge(ErrorTally block)
    {
        for (int i = 0; i < _metrics.Count; i++)
            _metrics[i].Merge(block.Terms[i], Terms[i]);
        Samples += block.Samples;
    }

    /// <summary>The metric of this name; null where it does not apply or was not measured.</summary>
    public double? Value(string name)
    {
        for (int i = 0; i < _metrics.Count; i++)
        {
            if (_metrics[i].Name == name)
                return _metrics[i].Value(Terms[i]);
        }

        return null;
    }

    public IReadOnlyList<MetricValue> Values() =>
        [.. _metrics.Select((m, i) => new MetricValue(m.Name, m.Title, m.Unit, m.Value(Terms[i])))];
}

/// <summary>A measured error metric.</summary>
/// <param name="Name">Key, e.g. <c>sqnr_db</c>.</param>
/// <param name="Title">What people call it.</param>
/// <param name="Unit">Unit of the value; empty for a plain number.</param>
/// <param name="Value">Null where the metric does not apply; infinite SQNR means not one bit differs.</param>
public sealed record MetricValue(string Name, string Title, string Unit, double? Value);
