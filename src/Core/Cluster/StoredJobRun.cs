using System.Globalization;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>
/// Does one job of a store, on whatever engine: what every coordinator does once it has the job to itself. Stopped or
/// killed anywhere, done again it goes on from the journal and ends in the same bytes.
/// </summary>
public sealed class StoredJobRun(StoredJob job, string coordinator, TimeProvider time)
{
    private static readonly TimeSpan CancelPause = TimeSpan.FromMilliseconds(300);

    /// <summary>What a submission may be.</summary>
    public SubmissionLimits Limits { get; init; } = SubmissionLimits.Default;

    /// <summary>How many members of the cluster take part, for people to see.</summary>
    public Func<int> Workers { get; init; } = () => 1;

    /// <summary>Runs it to its end.</summary>
    /// <param name="engine">Does the items; its owner disposes of it.</param>
    /// <param name="lost">The job is no longer ours, or the process must go: what is finished is kept, and another goes on.</param>
    /// <returns>The state it ended in, as written; <see cref="JobPhase.Waiting"/> where trying again later may help.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="lost"/>.</exception>
    public async Task<JobState> RunAsync(IWorkEngine engine, CancellationToken lost)
    {
        JobState state = job.ReadState();
        if (state.IsOver && state.Phase != JobPhase.Cancelled)
            return state;
        lost.ThrowIfCancellationRequested();
        using JobTenure tenure = JobTenure.Begin(job.Folder);

        // Who had it until now may have finished it at the last moment.
        state = job.ReadState();
        if (state.IsOver && state.Phase != JobPhase.Cancelled)
            return state;
        using CancellationTokenSource cancelled = CancellationTokenSource.CreateLinkedTokenSource(lost);
        state = Write(tenure, state with
        {
            Phase = JobPhase.Running,
            Since = time.GetUtcNow(),
            Coordinator = coordinator,
            Coordinators = state.Coordinators + 1,
            Message = null,
            Code = null,
        });
        JobLog log = new(job, coordinator, time);
        log.Add(state.Coordinators == 1 ? $"begins the job on the {engine.Name} engine" : "goes on with the job from its journal");
        using ProgressWriter progress = new(state, s => Write(tenure, s), log, Workers, time);
        using Timer poll = new(_ => CancelWhenAsked(tenure, cancelled), null, TimeSpan.Zero, CancelPause);
        try
        {
            JobOutcome outcome = await ExecuteAsync(engine, tenure, progress, cancelled.Token);
            tenure.Files.Write(job.OutcomeFile, System.Text.Encoding.UTF8.GetBytes(outcome.ToJson()));
            return End(tenure, progress, log, JobPhase.Finished, ExitCode.Success, null);
        }
        catch (Exception) when (tenure.IsOver)
        {
            // It was asleep; who has the job now is not disturbed by anything that was done here meanwhile.
            log.Add("leaves the job: another has taken it over");
            lost.ThrowIfCancellationRequested();
            return state with { Phase = JobPhase.Waiting, Message = "another coordinator has taken it over" };
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested)
        {
            log.Add("leaves the job to another");
            throw;
        }
        catch (OperationCanceledException)
        {
            return End(tenure, progress, log, JobPhase.Cancelled, ExitCode.Cancelled, "cancelled");
        }
        catch (QuantException e) when (e.Code == ExitCode.CannotWrite)
        {
            // A full disk or a damaged blob: the journal is intact, and going on from it makes again what is missing.
            return End(tenure, progress, log, JobPhase.Waiting, null, e.Message);
        }
        catch (IOException e)
        {
            return End(tenure, progress, log, JobPhase.Waiting, null, e.Message);
        }
        catch (QuantException e)
        {
            return End(tenure, progress, log, JobPhase.Failed, e.Code, e.Message);
        }
        catch (Exception e)
        {
            return End(tenure, progress, log, JobPhase.Failed, ExitCode.InternalError, $"internal error: {e.Message}");
        }
    }

    private async Task<JobOutcome> ExecuteAsync(IWorkEngine engine, JobTenure tenure, IProgress<JobProgress> progress, CancellationToken cancellation)
    {
        SubmissionCheck.Require(job, Limits);

        using JobDirectory directory = JobDirectory.TakeOver(job.Folder, QuantizationJob.ToolVersion, tenure);
        Directory.CreateDirectory(Path.GetDirectoryName(directory.Specification.Output)!);
        using JobSources sources = JobSources.Reopen(directory.Specification);
        return await new QuantizationJob(directory, sources, engine, progress).RunAsync(cancellation);
    }

    private JobState End(JobTenure tenure, ProgressWriter progress, JobLog log, JobPhase phase, ExitCode? code, string? message)
    {
        JobState last = progress.End();
        if (phase != JobPhase.Waiting)
            new BegunItems(job.Store, job.Id).Clear();
        log.Add(message is null ? "finished" : string.Create(CultureInfo.InvariantCulture, $"{phase.ToString().ToLowerInvariant()}: {message}"));
        return Write(tenure, last with { Phase = phase, Since = time.GetUtcNow(), Code = code, Message = message });
    }

    /// <summary>A coordinator whose tenure is over writes nothing.</summary>
    private JobState Write(JobTenure tenure, JobState state)
    {
        try
        {
            job.Write(state, tenure.Files);
        }
        catch (Exception e) when (e is IOException or QuantException)
        {
            // The state is for people: work goes on without it.
        }

        return state;
    }

    private void CancelWhenAsked(JobTenure tenure, CancellationTokenSource source)
    {
        try
        {
            if (job.IsCancelled || tenure.IsOver)
                source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The timer's last call came after the end.
        }
    }
}
