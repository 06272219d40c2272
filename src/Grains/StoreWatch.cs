using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using QuantCluster.Cluster;

namespace QuantCluster.Grains;

/// <summary>
/// Looks through the store now and then for jobs that no one takes care of: submitted when no silo was there to be told,
/// or forgotten by a Redis that lost its data. Many silos may find the same: a job has one coordinator.
/// </summary>
internal sealed partial class StoreWatch(IClusterClient cluster, JobStore store, IOptions<CoordinatorOptions> options, ILogger<StoreWatch> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // Silos that came at the same time look at different ones.
            TimeSpan pause = options.Value.ReminderPeriod * (0.75 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                foreach (StoredJob job in store.All().Where(IsOpen))
                    await cluster.GetGrain<ICoordinatorGrain>(job.Id).StartAsync().WaitAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogTrouble(e.Message);
            }
            catch (OperationCanceledException)
            {
                // The silo goes.
            }
        }
    }

    private static bool IsOpen(StoredJob job) => job.ReadState() is { Engine: OrleansEngine.EngineName, IsOver: false };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The job store could not be looked through: {Reason}")]
    private partial void LogTrouble(string reason);
}
