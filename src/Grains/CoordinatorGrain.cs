using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <inheritdoc cref="ICoordinatorGrain"/>
[ResourceOptimizedPlacement]
internal sealed partial class CoordinatorGrain(
    [PersistentState("job", CoordinatorStore.Name)] IPersistentState<CoordinatorRecord> record,
    IClusterClient cluster,
    ILocalSiloDetails silo,
    IOptions<CoordinatorOptions> options,
    ILogger<CoordinatorGrain> log) : Grain, ICoordinatorGrain, IRemindable
{
    private const string ReminderName = "go-on";

    private JobRun? _run;
    private Task _running = Task.CompletedTask;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // Only a crash, or a silo's farewell, leaves a running job without its coordinator.
        if (record.State.Phase == JobPhase.Running)
            await GoOnAsync();
    }

    public async Task<JobState> SubmitAsync(string folder)
    {
        CoordinatorRecord job = record.State;
        if (job.Phase == JobPhase.Running || (job.Phase == JobPhase.Done && job.Folder == folder))
            return State();
        await _running;
        try
        {
            _ = await Task.Run(() => JobDirectory.ReadSpecification(folder));
        }
        catch (QuantException e)
        {
            return new JobState { Phase = JobPhase.Failed, Folder = folder, Failure = e.Message, FailureCode = (int)e.Code };
        }

        record.State = new CoordinatorRecord { Phase = JobPhase.Running, Folder = folder };
        await record.WriteStateAsync();
        await this.RegisterOrUpdateReminder(ReminderName, options.Value.ReminderPeriod, options.Value.ReminderPeriod);
        Start();
        return State();
    }

    public Task<JobState> GetStateAsync() => Task.FromResult(State());

    public async Task<JobState> CancelAsync()
    {
        if (record.State.Phase == JobPhase.Running)
        {
            if (_run is { } run)
                await run.StopAsync();
            await _running;
            if (record.State.Phase == JobPhase.Running)
                await EndAsync(JobPhase.Cancelled, null, 0, null);
        }

        return State();
    }

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        // To be activated by the reminder is all it takes; this is for a run that ended without a word.
        if (record.State.Phase != JobPhase.Running)
            await StopRemindingAsync();
        else if (_run is null)
            await GoOnAsync();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_run is not { } run)
            return;
        LogFarewell(this.GetPrimaryKeyString(), reason.Description);
        await run.StopAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private async Task GoOnAsync()
    {
        record.State.Restarts++;
        await record.WriteStateAsync();
        LogGoingOn(this.GetPrimaryKeyString(), record.State.Restarts, record.State.Folder);
        Start();
    }

    private void Start()
    {
        // Not collected as idle: it works, though no one calls it.
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        _run = new JobRun(record.State.Folder, new OrleansEngine(cluster));
        _running = RunAsync(_run);
    }

    /// <summary>Waits for the run off this grain's scheduler, then writes down on it how it ended.</summary>
    private async Task RunAsync(JobRun run)
    {
        try
        {
            string outcome = await run.RunAsync();
            await EndAsync(JobPhase.Done, null, 0, outcome);
        }
        catch (OperationCanceledException) when (run.IsStopping)
        {
            // By Cancel, which writes that down itself; or by the silo's farewell: then it goes on elsewhere.
        }
        catch (QuantException e)
        {
            await EndAsync(JobPhase.Failed, e.Message, e.Code, null);
        }
        catch (Exception e)
        {
            LogFailure(e, this.GetPrimaryKeyString());
            await EndAsync(JobPhase.Failed, $"internal error: {e.Message}", ExitCode.InternalError, null);
        }
        finally
        {
            _run = null;
            run.Dispose();
            DelayDeactivation(TimeSpan.Zero);
        }
    }

    private async Task EndAsync(JobPhase phase, string? failure, ExitCode code, string? outcome)
    {
        CoordinatorRecord job = record.State;
        (job.Phase, job.Failure, job.FailureCode, job.Outcome) = (phase, failure, (int)code, outcome);
        await record.WriteStateAsync();
        await StopRemindingAsync();
        LogEnd(this.GetPrimaryKeyString(), phase, failure ?? "");
    }

    private async Task StopRemindingAsync()
    {
        if (await this.GetReminder(ReminderName) is { } reminder)
            await this.UnregisterReminder(reminder);
    }

    private JobState State()
    {
        CoordinatorRecord job = record.State;
        JobProgress progress = _run?.Progress ?? default;
        return new JobState
        {
            Phase = job.Phase,
            Folder = job.Folder,
            Stage = progress.Stage ?? "",
            Done = progress.Done,
            Total = progress.Total,
            Failure = job.Failure,
            FailureCode = job.FailureCode,
            Outcome = job.Outcome,
            Restarts = job.Restarts,
            Silo = silo.SiloAddress.ToParsableString(),
        };
    }
}
