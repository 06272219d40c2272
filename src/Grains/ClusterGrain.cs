using System.Globalization;
using Orleans.Concurrency;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace QuantCluster.Grains;

/// <inheritdoc cref="IClusterGrain"/>
[StatelessWorker(1)]
internal sealed class ClusterGrain(IGrainFactory grains, ISiloMetadataCache metadata) : Grain, IClusterGrain
{
    /// <summary>Under this name each silo tells the others how many items it does at a time.</summary>
    public const string CoresKey = "quantcluster.cores";

    public async Task<SiloDescription[]> GetSilosAsync()
    {
        IManagementGrain management = grains.GetGrain<IManagementGrain>(0);
        MembershipEntry[] silos = await management.GetDetailedHosts(onlyActive: true);
        SiloRuntimeStatistics?[] statistics = await Task.WhenAll(silos.Select(s => AskAsync(management, s.SiloAddress)));
        return
        [
            .. silos.Zip(statistics, (silo, now) => new SiloDescription(
                silo.SiloName,
                silo.SiloAddress.ToParsableString(),
                CoresOf(silo.SiloAddress),
                (now?.EnvironmentStatistics.FilteredCpuUsagePercentage ?? 0) / 100,
                (long)(now?.EnvironmentStatistics.FilteredMemoryUsageBytes ?? 0),
                now?.ActivationCount ?? 0)).OrderBy(s => s.Name, StringComparer.Ordinal),
        ];
    }

    private int CoresOf(SiloAddress silo) =>
        metadata.GetSiloMetadata(silo).Metadata.TryGetValue(CoresKey, out string? cores) ? int.Parse(cores, CultureInfo.InvariantCulture) : 1;

    // A silo that just died is still listed: the others' figures must not wait for its.
    private static async Task<SiloRuntimeStatistics?> AskAsync(IManagementGrain management, SiloAddress silo)
    {
        try
        {
            return (await management.GetRuntimeStatistics([silo]).WaitAsync(TimeSpan.FromSeconds(2))).FirstOrDefault();
        }
        catch (Exception e) when (e is TimeoutException or OrleansException)
        {
            return null;
        }
    }
}
