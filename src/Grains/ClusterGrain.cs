namespace QuantCluster.Grains;

/// <inheritdoc cref="IClusterGrain"/>
internal sealed class ClusterGrain(ISiloStatusOracle oracle) : Grain, IClusterGrain
{
    private readonly Dictionary<string, SiloReport> _reports = [];

    public Task ReportAsync(SiloReport report)
    {
        _reports[report.Address] = report;
        return Task.CompletedTask;
    }

    public Task<SiloReport[]> GetSilosAsync()
    {
        SiloAddress[] active = [.. oracle.GetApproximateSiloStatuses(onlyActive: true).Keys];
        foreach (string gone in _reports.Keys.Except(active.Select(a => a.ToParsableString())).ToArray())
            _reports.Remove(gone);
        return Task.FromResult<SiloReport[]>([.. active.Select(Report).OrderBy(r => r.Name, StringComparer.Ordinal)]);
    }

    /// <summary>A silo that has not spoken yet, or not to this grain's present life, is there all the same.</summary>
    private SiloReport Report(SiloAddress silo)
    {
        string address = silo.ToParsableString();
        return _reports.GetValueOrDefault(address)
            ?? new SiloReport { Address = address, Name = oracle.TryGetSiloName(silo, out string? name) ? name : address };
    }
}
