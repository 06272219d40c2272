using System.Text;
using QuantCluster.Jobs;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Grains;

/// <summary>A job being run by this process, with the cluster as its engine: the one writer of its folder's journal.</summary>
internal sealed class JobRun(string folder, IWorkEngine engine) : IProgress<JobProgress>, IDisposable
{
    /// <summary>How long the folder may still be locked by a coordinator that the cluster gave up, but that lives.</summary>
    private static readonly TimeSpan LockPatience = TimeSpan.FromMinutes(3);

    private readonly CancellationTokenSource _stop = new();
    private JobProgress _progress;

    /// <summary>The last stage heard of.</summary>
    public JobProgress Progress
    {
        get
        {
            lock (_stop)
                return _progress;
        }
    }

    /// <summary>Whether <see cref="StopAsync"/> was called.</summary>
    public bool IsStopping => _stop.IsCancellationRequested;

    public Task StopAsync() => _stop.CancelAsync();

    /// <summary>Runs the job to its end, on the thread pool.</summary>
    /// <returns>What <c>--json</c> prints.</returns>
    /// <exception cref="QuantException">It failed, for a reason the user can act on.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public Task<string> RunAsync() => Task.Run(async () =>
    {
        JobSpecification specification = JobDirectory.ReadSpecification(folder);
        using JobSources sources = JobSources.Reopen(specification);
        using JobDirectory directory = await EnterAsync();
        if (specification.Sensitivity is null)
            return (await new QuantizationJob(directory, sources, engine, this).RunAsync(_stop.Token)).ToJson();
        return Encoding.UTF8.GetString(SensitivityFile.ToBytes(await new SensitivityJob(directory, sources, engine, this).RunAsync(_stop.Token)));
    });

    public void Report(JobProgress value)
    {
        lock (_stop)
            _progress = value;
    }

    public void Dispose() => _stop.Dispose();

    private async Task<JobDirectory> EnterAsync()
    {
        for (long began = Environment.TickCount64; ;)
        {
            try
            {
                return JobDirectory.Open(folder, QuantizationJob.ToolVersion);
            }
            catch (QuantException e) when (e is { Code: ExitCode.CannotWrite, InnerException: IOException } && Environment.TickCount64 - began < LockPatience.TotalMilliseconds)
            {
                Report(new JobProgress("waiting for the job's folder", 0, 1));
                await Task.Delay(TimeSpan.FromSeconds(1), _stop.Token);
            }
        }
    }
}
