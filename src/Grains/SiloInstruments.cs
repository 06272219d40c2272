using System.Diagnostics.Metrics;

namespace QuantCluster.Grains;

/// <summary>What a silo tells of itself: how much runs, waits, is open. Names are those of the dashboards under <c>deploy/</c>.</summary>
public sealed class SiloInstruments : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "QuantCluster.Grains";

    private readonly Meter _meter = new(Name);

    internal SiloInstruments(CoreGate cores, JobRooms rooms, CoordinatorCount coordinators)
    {
        _meter.CreateObservableGauge("quantcluster.silo.cores", () => cores.Cores, "{item}", "Items the silo does at a time.");
        _meter.CreateObservableGauge("quantcluster.silo.running", () => cores.Running, "{item}", "Items the silo is doing.");
        _meter.CreateObservableGauge("quantcluster.silo.queue", () => cores.Waiting, "{item}", "Items that wait for one of the silo's cores.");
        _meter.CreateObservableGauge("quantcluster.silo.jobs_open", () => rooms.Count, "{job}", "Jobs whose data and sessions the silo keeps.");
        _meter.CreateObservableGauge("quantcluster.silo.coordinators", () => coordinators.Running, "{job}", "Jobs the silo coordinates.");
    }

    public void Dispose() => _meter.Dispose();
}
