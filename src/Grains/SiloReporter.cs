using Microsoft.Extensions.Hosting;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Tells the cluster every other second how this silo is.</summary>
internal sealed class SiloReporter(IClusterClient cluster, ILocalSiloDetails silo, CoreGate cores, SiloWork work, CoordinatorCount coordinators, JobRooms rooms) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly long _came = TimeProvider.System.GetTimestamp();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using SiloInstruments instruments = new(cores, rooms, coordinators);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await cluster.GetGrain<IClusterGrain>(0).ReportAsync(Report()).WaitAsync(stoppingToken);
            }
            catch (Exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The silo is not up yet, or the one that listens has just died: the next word will be heard.
            }

            await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private SiloReport Report() => new()
    {
        Name = silo.Name,
        Address = silo.SiloAddress.ToParsableString(),
        Machine = Environment.MachineName,
        Process = Environment.ProcessId,
        Cores = cores.Cores,
        Busy = cores.Running,
        Waiting = cores.Waiting,
        Done = work.Done,
        Jobs = coordinators.Running,
        Version = QuantizationJob.ToolVersion,
        Uptime = TimeProvider.System.GetElapsedTime(_came),
    };
}

/// <summary>How many jobs this silo coordinates. Thread-safe.</summary>
internal sealed class CoordinatorCount
{
    private int _running;

    public int Running => Volatile.Read(ref _running);

    public void Begin() => Interlocked.Increment(ref _running);

    public void End() => Interlocked.Decrement(ref _running);
}
