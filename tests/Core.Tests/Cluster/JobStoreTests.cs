using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Cluster;

/// <summary>The folder that clusters and clients share.</summary>
public sealed class JobStoreTests : IDisposable
{
    private static readonly JobSettings Settings = new() { Correct = QuantCluster.Corrections.CorrectionMode.None };

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_submitted_job_needs_nothing_of_the_clients_machine_and_the_store_may_lie_anywhere()
    {
        string client = _folder["client"], moved = _folder["moved"];
        CopySample(client);
        StoredJob job = Submit(client);
        Directory.Delete(client, recursive: true);
        Directory.Move(_folder["store"], moved);
        StoredJob there = JobStore.Open(moved).Find(job.Id);
        JobState state = await RunAsync(there);
        Assert.True(state.Phase == JobPhase.Finished, state.Message);
        Assert.StartsWith(moved, JobDirectory.ReadSpecification(there.Folder).Output);
        Assert.Equal(8, there.ReadOutcome()!.Layers.Quantized.Count);
    }

    [Fact]
    public void The_same_inputs_are_stored_once()
    {
        CopySample(_folder["client"]);
        Submit(_folder["client"]);
        Submit(_folder["client"]);
        Assert.Equal(2, Store.All().Count);
        Assert.Equal(2, Directory.GetDirectories(Store.Inputs).Length);
    }

    [Fact]
    public void A_job_is_found_by_the_beginning_of_its_id()
    {
        CopySample(_folder["client"]);
        StoredJob job = Submit(_folder["client"]);
        Assert.Equal(job.Id, Store.Find(job.Id[..^2]).Id);
        Assert.Contains("there is no such job", Assert.Throws<QuantException>(() => Store.Find("none")).Message);
        Assert.Contains("there is no such job", Assert.Throws<QuantException>(() => Store.Find("../../etc")).Message);
    }

    [Fact]
    public async Task A_queued_job_can_be_cancelled_before_anyone_begins_it()
    {
        CopySample(_folder["client"]);
        StoredJob job = Submit(_folder["client"]);
        job.Cancel();
        Assert.Equal(JobPhase.Cancelled, job.ReadState().Phase);
        Assert.Equal(JobPhase.Cancelled, (await RunAsync(job)).Phase);
    }

    [Fact]
    public void Who_takes_a_job_over_never_reads_what_its_former_owner_still_writes()
    {
        CopySample(_folder["client"]);
        StoredJob job = Submit(_folder["client"]);
        using JobDirectory former = JobDirectory.TakeOver(job.Folder, "tool", JobTenure.Begin(job.Folder));
        former.Journal.Append(new JournalRecord("done before", "item", [], 1));
        using (JobDirectory owner = JobDirectory.TakeOver(job.Folder, "tool", JobTenure.Begin(job.Folder)))
        {
            former.Journal.Append(new JournalRecord("written asleep", "item", [], 1));
            owner.Journal.Append(new JournalRecord("done since", "item", [], 1));
        }

        using JobDirectory next = JobDirectory.TakeOver(job.Folder, "tool", JobTenure.Begin(job.Folder));
        Assert.Equal(["done before", "done since"], next.Journal.Records.Select(r => r.Key).Order());
    }

    [Fact]
    public async Task Garbage_goes_and_nothing_that_is_used()
    {
        CopySample(_folder["client"]);
        StoredJob job = Submit(_folder["client"]);
        await RunAsync(job);
        FolderBlobStore blobs = new(Path.Combine(job.Folder, "blobs"));
        BlobId orphan = await blobs.PutAsync("no journal names it"u8.ToArray());
        Directory.CreateDirectory(Path.Combine(Store.Inputs, new string('a', 64)));
        Directory.CreateDirectory(Path.Combine(Store.Inputs, "unfinished-killed"));
        byte[] model = File.ReadAllBytes(JobDirectory.ReadSpecification(job.Folder).Output);

        CollectedGarbage young = StoreGarbage.Collect(Store, TimeSpan.FromHours(1), TimeProvider.System, remove: true);
        Assert.Equal(new CollectedGarbage(0, 0, 0, 0), young);
        CollectedGarbage garbage = StoreGarbage.Collect(Store, TimeSpan.FromSeconds(-5), TimeProvider.System, remove: true);
        Assert.Equal((1, 1), (garbage.Inputs, garbage.Unfinished));
        Assert.True(garbage.Blobs >= 1);
        Assert.False(await blobs.IsIntactAsync(orphan));

        // The same job again: everything it needs is still there.
        File.Delete(job.OutcomeFile);
        job.Write(job.ReadState() with { Phase = JobPhase.Queued });
        Assert.Equal(JobPhase.Finished, (await RunAsync(job)).Phase);
        Assert.Equal(model, File.ReadAllBytes(JobDirectory.ReadSpecification(job.Folder).Output));
    }

    public void Dispose() => _folder.Dispose();

    private JobStore Store => JobStore.Open(_folder["store"]);

    private static void CopySample(string to)
    {
        Directory.CreateDirectory(to);
        foreach (string name in new[] { "digits.onnx", "calib.json", "calib_u8.npy", "calib_labels.npy" })
            File.Copy(Samples.Path($"digits/{name}"), Path.Combine(to, name));
    }

    private StoredJob Submit(string client)
    {
        using JobSources sources = JobSources.Open(Path.Combine(client, "digits.onnx"), Path.Combine(client, "calib.json"), null, Settings);
        return new JobSubmission(Store).Submit(new JobSpecification
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = "digits.int8.onnx",
            Settings = Settings,
        }, "local", TimeProvider.System.GetUtcNow());
    }

    private static Task<JobState> RunAsync(StoredJob job) => new StoredJobRun(job, "test", TimeProvider.System).RunAsync(new LocalEngine(1), default);
}
