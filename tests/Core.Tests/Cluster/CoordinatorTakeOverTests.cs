using System.Runtime.CompilerServices;
using System.Text;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Cluster;

/// <summary>A coordinator that was asleep, wherever it was, finds nothing any more that it could change.</summary>
public sealed class CoordinatorTakeOverTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StoredJob _job;

    public CoordinatorTakeOverTests()
    {
        JobSettings settings = new() { Correct = QuantCluster.Corrections.CorrectionMode.None };
        using JobSources sources = JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), null, settings);
        _job = new JobSubmission(JobStore.Open(_folder["store"])).Submit(
            new JobSpecification
            {
                Tool = QuantizationJob.ToolVersion,
                Model = sources.ModelInput,
                Data = sources.DataInput,
                Output = "digits.int8.onnx",
                Settings = settings,
            },
            "local", TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public void Asleep_before_the_last_rename_it_replaces_no_file_of_the_one_who_came_after()
    {
        using JobTenure former = JobTenure.Begin(_job.Folder);
        string written = former.NewFile();
        AtomicFile.Create(written, stream => stream.Write("former"u8));
        using JobTenure owner = JobTenure.Begin(_job.Folder);
        owner.Files.Write(_job.OutcomeFile, "owner"u8);
        Assert.Equal((true, false), (former.IsOver, owner.IsOver));
        Assert.Equal(ExitCode.CannotWrite, Assert.Throws<QuantException>(() => AtomicFile.Rename(written, _job.OutcomeFile)).Code);
        Assert.Throws<QuantException>(() => former.Files.Write(_job.OutcomeFile, "former"u8));
        Assert.Throws<QuantException>(() => former.Files.Write(_job.OutcomeFile, stream => stream.Write("former"u8)));
        Assert.Throws<QuantException>(() => _job.Write(_job.ReadState() with { Coordinator = "former" }, former.Files));
        Assert.Equal("owner", File.ReadAllText(_job.OutcomeFile));
        Assert.Null(_job.ReadState().Coordinator);
    }

    [Fact]
    public void Asleep_just_before_it_takes_the_journal_it_leaves_that_to_the_one_who_came_after()
    {
        using JobTenure former = JobTenure.Begin(_job.Folder);
        using JobTenure owner = JobTenure.Begin(_job.Folder);
        using (JobDirectory directory = JobDirectory.TakeOver(_job.Folder, "tool", owner))
        {
            Assert.Throws<QuantException>(() => JobDirectory.TakeOver(_job.Folder, "tool", former));
            directory.Journal.Append(new JournalRecord("done", "item", [], 1));

            // The lock is still the owner's, too.
            Assert.Contains("another process works on this job", Assert.Throws<QuantException>(() => JobDirectory.Open(_job.Folder)).Message);
        }

        using JobDirectory next = JobDirectory.Open(_job.Folder);
        Assert.Equal(["done"], next.Journal.Records.Select(r => r.Key));
    }

    [Fact]
    public void What_a_killed_coordinator_left_goes_with_the_next()
    {
        JobTenure killed = JobTenure.Begin(_job.Folder);
        AtomicFile.Create(killed.NewFile(), stream => stream.Write("half"u8));
        string folder = Path.Combine(_job.Folder, "coordinators");
        Directory.Move(Directory.GetDirectories(folder).Single(), Path.Combine(folder, "killed-while-it-was-removed.over"));
        JobTenure.Begin(_job.Folder).Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Theory]
    [InlineData("calibrate-block", "")]
    [InlineData("estimate-ranges", "")]
    [InlineData("", "verify")]
    public async Task Awake_when_another_has_finished_the_job_it_changes_nothing_of_what_came_of_it(string item, string stage)
    {
        using Sleeper sleeper = new(item, stage);
        Task<JobState> asleep = new StoredJobRun(_job, "former", TimeProvider.System) { Workers = sleeper.WorkersWhenReported(_job) }.RunAsync(sleeper, default);
        await sleeper.Sleeping;
        JobState end = await new StoredJobRun(_job, "owner", TimeProvider.System).RunAsync(new LocalEngine(1), default);
        Assert.True(end.Phase == JobPhase.Finished, end.Message);
        (string Name, string Bytes, DateTime Time)[] finished = [.. Visible()];
        sleeper.WakeUp();
        JobState late = await asleep;
        Assert.Equal((JobPhase.Waiting, "another coordinator has taken it over"), (late.Phase, late.Message));
        Assert.Equal(finished, Visible());
        Assert.Equal(("owner", JobPhase.Finished), (_job.ReadState().Coordinator, _job.ReadState().Phase));
        Assert.Contains(finished, f => f.Name.EndsWith("digits.int8.onnx", StringComparison.Ordinal));
        Assert.Contains(finished, f => f.Name.EndsWith("report.html", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Gone_on_to_its_very_end_after_another_has_finished_it_puts_neither_model_nor_report_in_its_place()
    {
        using JobTenure tenure = JobTenure.Begin(_job.Folder);
        using JobDirectory former = JobDirectory.TakeOver(_job.Folder, QuantizationJob.ToolVersion, tenure);
        using JobSources sources = JobSources.Reopen(former.Specification);
        JobState end = await new StoredJobRun(_job, "owner", TimeProvider.System).RunAsync(new LocalEngine(1), default);
        Assert.True(end.Phase == JobPhase.Finished, end.Message);
        (string Name, string Bytes, DateTime Time)[] finished = [.. Visible()];
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => new QuantizationJob(former, sources, new LocalEngine(1)).RunAsync(default));
        Assert.Equal(ExitCode.CannotWrite, e.Code);
        Assert.Equal(finished, Visible());
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>All that others read of the job; its log tells of both.</summary>
    private IEnumerable<(string Name, string Bytes, DateTime Time)> Visible() => Directory.EnumerateFiles(_job.Folder, "*", SearchOption.AllDirectories)
        .Where(f => Path.GetFileName(f) is not ("log.txt" or "lock") && !f.Contains("blobs", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
        .Select(f => (f, Encoding.Latin1.GetString(File.ReadAllBytes(f)), File.GetLastWriteTimeUtc(f)));

    /// <summary>An engine whose coordinator hangs when it has the first result of a kind, or when it reports a stage.</summary>
    private sealed class Sleeper(string kind, string stage) : IWorkEngine, IDisposable
    {
        private readonly ManualResetEventSlim _wake = new();
        private readonly TaskCompletionSource _sleeping = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name => "local";

        public Task Sleeping => _sleeping.Task;

        public void WakeUp() => _wake.Set();

        /// <summary>The coordinator asks for its workers whenever it reports how far it is.</summary>
        public Func<int> WorkersWhenReported(StoredJob job) => () =>
        {
            if (stage.Length > 0 && job.ReadState().Stage?.StartsWith(stage, StringComparison.Ordinal) == true)
                Sleep();
            return 1;
        };

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(
            JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkResult result in new LocalEngine(1).ExecuteAsync(job, items, cancellation))
            {
                if (result.Item.Kind == kind)
                    Sleep();
                yield return result;
            }
        }

        public void Dispose() => _wake.Dispose();

        private void Sleep()
        {
            _sleeping.TrySetResult();
            _wake.Wait();
        }
    }
}
