namespace QuantCluster.Data;

/// <summary>The dataset of a spec: all inputs of a model, read side by side.</summary>
internal sealed class ModelDataset : IDataset
{
    private readonly InputFeed[] _feeds;
    private readonly int[] _batches;

    /// <param name="feeds">One for each model input; owned from now on.</param>
    /// <exception cref="QuantException">The inputs do not have the same number of samples.</exception>
    public ModelDataset(InputFeed[] feeds)
    {
        _feeds = feeds;
        // An input with a free batch dimension goes with the one that has a fixed one.
        int batch = (int)Math.Max(1, feeds.Max(f => f.Batch));
        _batches = [.. feeds.Select(f => f.Batch < 0 ? batch : (int)Math.Max(1, f.Batch))];
        Count = Samples(0);
        for (int i = 1; i < feeds.Length; i++)
        {
            if (Samples(i) != Count || (_batches[i] == _batches[0] && feeds[i].Count != feeds[0].Count))
            {
                throw new QuantException(
                    ExitCode.BadData,
                    $"input {feeds[0].Name} has {feeds[0].Count} records ({feeds[0].File}), but input {feeds[i].Name} has {feeds[i].Count} ({feeds[i].File}): every input needs the same number.");
            }
        }
    }

    public int Count { get; }

    public int RecordCount => _feeds[Widest].Count;

    /// <summary>Whether no sample can turn out bad when it is read.</summary>
    public bool CannotFail => _feeds.All(f => f.CannotFail);

    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        Dictionary<string, DenseTensor> inputs = new(_feeds.Length, StringComparer.Ordinal);
        for (int i = 0; i < _feeds.Length; i++)
            inputs.Add(_feeds[i].Name, _feeds[i].Read(index * _batches[i], _batches[i]));

        int batch = _batches[Widest];
        return new Sample(index, inputs) { ValidRecords = Math.Min(batch, RecordCount - (index * batch)) };
    }

    /// <summary>What errors call a value: the file and record of an input's place in a sample.</summary>
    public string Describe(int sample, string input, long recordInSample)
    {
        int i = Array.FindIndex(_feeds, f => f.Name == input);
        return _feeds[i].Describe((int)Math.Min(_feeds[i].Count - 1, ((long)sample * _batches[i]) + recordInSample));
    }

    public void Dispose()
    {
        foreach (InputFeed feed in _feeds)
            feed.Dispose();
    }

    /// <summary>The input with the most records a sample.</summary>
    private int Widest => Array.IndexOf(_batches, _batches.Max());

    private int Samples(int feed) => (_feeds[feed].Count + _batches[feed] - 1) / _batches[feed];
}
