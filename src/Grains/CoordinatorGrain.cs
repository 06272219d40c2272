using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;
using QuantCluster.Cluster;

namespace QuantCluster.Grains;

/// <inheritdoc cref="ICoordinatorGrain"/>
[ResourceOptimizedPlacement]
internal sealed partial class CoordinatorGrain(
    [PersistentState("job", CoordinatorStore.Name)] IPersistentState<CoordinatorRecord> record,
    IClusterClient cluster,
    JobStore store,
    ILocalSiloDetails silo,
    CoordinatorCount count,
    IOptions<CoordinatorOptions> options,
    TimeProvider time,
    ILogger<CoordinatorGrain> log) : Grain, ICoordinatorGrain, IRemindable
{
    private const string ReminderName = "go-on";

    private readonly CancellationTokenSource _farewell = new();
    private Task? _running;
    private int _silos;

    private string Id => this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // Only a crash, or a silo's farewell, leaves an open job without its coordinator.
        if (record.State.IsOpen)
            await GoOnAsync();
    }

    public async Task<bool> StartAsync()
    {
        if (_running is { IsCompleted: false })
            return true;
        if (!JobStore.IsId(Id) || await Task.Run(() => new StoredJob(store, Id) is { Exists: true } job && !job.ReadState().IsOver) is false)
            return false;
        if (record.State.IsOpen)
        {
            await GoOnAsync();
            return true;
        }

        record.State.IsOpen = true;
        await record.WriteStateAsync();
        await this.RegisterOrUpdateReminder(ReminderName, options.Value.ReminderPeriod, options.Value.ReminderPeriod);
        Run();
        return true;
    }

    public Task<CoordinatorDescription> DescribeAsync() =>
        Task.FromResult(new CoordinatorDescription(_running is { IsCompleted: false }, silo.Name, record.State.Restarts));

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        // To be activated by the reminder is mostly all it takes; a job that waits, for room on a disk say, is tried again.
        if (!record.State.IsOpen)
            await StopRemindingAsync();
        else if (_running is null or { IsCompleted: true })
            await GoOnAsync();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_running is { IsCompleted: false } running)
        {
            LogFarewell(Id, reason.Description);
            await _farewell.CancelAsync();
            await running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task GoOnAsync()
    {
        record.State.Restarts++;
        await record.WriteStateAsync();
        LogGoingOn(Id, record.State.Restarts);
        Run();
    }

    private void Run()
    {
        // Not collected as idle: it works, though no one calls it.
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        _running = RunAsync();
    }

    /// <summary>Waits for the run off this grain's scheduler, then writes down on it how it ended.</summary>
    private async Task RunAsync()
    {
        count.Begin();
        try
        {
            StoredJobRun run = new(new StoredJob(store, Id), silo.Name, time) { Workers = () => Volatile.Read(ref _silos) };
            OrleansEngine engine = new(cluster, new OrleansEngineSettings
            {
                Home = silo.SiloAddress.ToParsableString(),
                IsLeaving = () => _farewell.IsCancellationRequested,
                Heard = silos => Volatile.Write(ref _silos, silos),
            });
            JobState state = await Task.Run(() => run.RunAsync(engine, _farewell.Token));
            LogEnd(Id, state.Phase, state.Message ?? "");
            if (state.IsOver)
                await CloseAsync();
        }
        catch (OperationCanceledException) when (_farewell.IsCancellationRequested)
        {
            // The silo goes: the job goes on elsewhere.
        }
        catch (Exception e)
        {
            // Redis is away: the reminder tries again.
            LogFailure(e, Id);
        }
        finally
        {
            count.End();
            DelayDeactivation(TimeSpan.Zero);
        }
    }

    private async Task CloseAsync()
    {
        record.State.IsOpen = false;
        await record.WriteStateAsync();
        await StopRemindingAsync();
    }

    private async Task StopRemindingAsync()
    {
        if (await this.GetReminder(ReminderName) is { } reminder)
            await this.UnregisterReminder(reminder);
    }
}
