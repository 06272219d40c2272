namespace QuantCluster.Calibration;

/// <summary>Statistics of all tapped tensors over a set of samples.</summary>
/// <param name="samples">Samples they were gathered over.</param>
/// <param name="tensors">One for each tap, names unique.</param>
public sealed class CalibrationStatistics(int samples, IEnumerable<TensorStatistics> tensors)
{
    /// <summary>Samples the statistics were gathered over.</summary>
    public int Samples { get; } = samples;

    /// <summary>By tensor name, in the order of the taps.</summary>
    public IReadOnlyDictionary<string, TensorStatistics> Tensors { get; } =
        new OrderedDictionary<string, TensorStatistics>(tensors.Select(t => KeyValuePair.Create(t.Name, t)));

    /// <summary>
    /// Adds blocks up in the order of their samples, whatever order they come in: the result depends on the
    /// blocks alone.
    /// </summary>
    /// <exception cref="ArgumentException">Two blocks hold the same sample, or blocks differ in their taps.</exception>
    public static CalibrationStatistics Merge(IEnumerable<BlockStatistics> blocks)
    {
        CalibrationStatistics? merged = null;
        int end = 0;
        foreach (BlockStatistics block in blocks.OrderBy(b => b.FirstSample))
        {
            if (merged is not null && block.FirstSample < end)
                throw new ArgumentException($"sample {block.FirstSample} is in two blocks", nameof(blocks));
            merged = merged is null ? block.Statistics : Merge(merged, block.Statistics);
            end = block.FirstSample + block.SampleCount;
        }

        return merged ?? new CalibrationStatistics(0, []);
    }

    /// <summary>Adds the statistics of later samples, tensor by tensor.</summary>
    /// <exception cref="ArgumentException">The two were gathered with different taps.</exception>
    public static CalibrationStatistics Merge(CalibrationStatistics earlier, CalibrationStatistics later)
    {
        if (earlier.Tensors.Count != later.Tensors.Count || !earlier.Tensors.Keys.All(later.Tensors.ContainsKey))
            throw new ArgumentException("the statistics are of different tensors", nameof(later));
        return new CalibrationStatistics(
            earlier.Samples + later.Samples,
            earlier.Tensors.Values.Select(t => TensorStatistics.Merge(t, later.Tensors[t.Name])));
    }

    /// <summary>Writes the file <see cref="Load"/> reads; the same statistics give the same bytes.</summary>
    /// <exception cref="QuantException">The file cannot be written.</exception>
    public void Save(string path) => StatisticsFile.Save(this, path);

    /// <exception cref="QuantException">The file is missing or no statistics file.</exception>
    public static CalibrationStatistics Load(string path) => StatisticsFile.Load(path);
}
