using System.IO.Compression;
using System.Text;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Cluster;

/// <summary>What someone who can write to the store may try against those who do its jobs: refused before anything is read or allocated.</summary>
public sealed class UntrustedSubmissionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void An_honest_submission_passes() => SubmissionCheck.Require(Job(), SubmissionLimits.Default);

    [Theory]
    [InlineData("../../../outside/model.onnx")]
    [InlineData("/etc/passwd")]
    [InlineData("../../jobs/other/blobs/x")]
    public void A_model_path_that_leaves_the_inputs(string path) => Refused(Job(model: path), "lies outside of");

    [Theory]
    [InlineData("/root/.bashrc")]
    [InlineData("../../../elsewhere.onnx")]
    [InlineData("../another-job/result/model.onnx")]
    public void An_output_path_that_leaves_the_jobs_folder(string output) => Refused(Job(output: output), "output lies outside of");

    [Theory]
    [InlineData("../../../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("../other/x.npy")]
    public void A_data_spec_that_names_files_elsewhere(string file) => Refused(Job(spec: """{"inputs": {"input": {"file": "FILE"}}}""".Replace("FILE", file)), "lies outside of");

    [Fact]
    public void A_link_that_leads_out_of_the_store()
    {
        StoredJob job = Job();
        string data = Path.Combine(job.Store.Inputs, "d", "x.npy");
        File.Delete(data);
        File.CreateSymbolicLink(data, "/etc/passwd");
        Refused(job, "is a link, which a submission may not contain");
    }

    [Fact]
    public void A_model_larger_than_allowed() => Refused(Job(), "more than the 100 that a submission may have", SubmissionLimits.Default with { Model = 100 });

    [Fact]
    public void Data_larger_than_allowed() => Refused(Job(), "more than the 100 that a submission may have", SubmissionLimits.Default with { Data = 100 });

    [Fact]
    public void A_specification_of_gigabytes()
    {
        StoredJob job = Job();
        using (FileStream stream = new(Path.Combine(job.Folder, "job.json"), FileMode.Open))
            stream.SetLength(3L << 30);
        Refused(job, "3221225472 bytes, more than the 1048576");
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_is_unpacked()
    {
        StoredJob job = Job(spec: """{"inputs": {"image": {"file": "bomb.npz"}}}""");
        const long Elements = 2L << 30;
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({Elements / 256}, 1, 16, 16), }}";
        header = header.PadRight(117) + "\n";
        using (ZipArchive zip = ZipFile.Open(Path.Combine(job.Store.Inputs, "d", "bomb.npz"), ZipArchiveMode.Create))
        using (Stream entry = zip.CreateEntry("image.npy", CompressionLevel.Fastest).Open())
        {
            entry.Write([0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)header.Length), .. Encoding.ASCII.GetBytes(header)]);
            byte[] zeros = new byte[16 << 20];
            for (int i = 0; i < 80; i++)
                entry.Write(zeros);
        }

        long before = GC.GetTotalAllocatedBytes();
        QuantException e = Assert.Throws<QuantException>(() => JobSources.Open(Path.Combine(job.Store.Inputs, "m", "digits.onnx"), Path.Combine(job.Store.Inputs, "d", "spec.json"), null, new JobSettings()));
        Assert.Contains("bomb.npz", e.Message);
        Assert.Equal(ExitCode.BadData, e.Code);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64 << 20);
    }

    [Fact]
    public void Absurd_dimensions_are_refused_before_anything_is_allocated()
    {
        StoredJob job = Job(spec: """{"inputs": {"image": {"file": "x.npy"}}}""");
        string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000, 4000000000), }".PadRight(117) + "\n";
        File.WriteAllBytes(
            Path.Combine(job.Store.Inputs, "d", "x.npy"), [0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)header.Length), .. Encoding.ASCII.GetBytes(header)]);
        QuantException e = Assert.Throws<QuantException>(() => JobSources.Open(Path.Combine(job.Store.Inputs, "m", "digits.onnx"), Path.Combine(job.Store.Inputs, "d", "spec.json"), null, new JobSettings()));
        Assert.Contains("x.npy", e.Message);
    }

    [Fact]
    public async Task A_refused_submission_fails_the_job_with_the_reason_and_not_the_worker()
    {
        StoredJob job = Job(model: "/etc/passwd");
        job.Write(new JobState { Phase = JobPhase.Queued, Engine = "local", Model = "x", Submitted = default });
        JobState state = await new StoredJobRun(job, "test", TimeProvider.System).RunAsync(new LocalEngine(1), default);
        Assert.Equal(JobPhase.Failed, state.Phase);
        Assert.Contains("lies outside of", state.Message);
    }

    public void Dispose() => _folder.Dispose();

    private static void Refused(StoredJob job, string why, SubmissionLimits? limits = null) =>
        Assert.Contains(why, Assert.Throws<QuantException>(() => SubmissionCheck.Require(job, limits ?? SubmissionLimits.Default)).Message);

    /// <summary>A job as an attacker writes it: by hand.</summary>
    private StoredJob Job(string? model = null, string? output = null, string? spec = null)
    {
        JobStore store = JobStore.Open(_folder["store"]);
        string models = Directory.CreateDirectory(Path.Combine(store.Inputs, "m")).FullName, data = Directory.CreateDirectory(Path.Combine(store.Inputs, "d")).FullName;
        File.Copy(Samples.Path("digits/digits.onnx"), Path.Combine(models, "digits.onnx"));
        File.Copy(Samples.Path("digits/calib_u8.npy"), Path.Combine(data, "x.npy"));
        File.WriteAllText(Path.Combine(data, "spec.json"), spec ?? """{"inputs": {"image": {"file": "x.npy"}}}""");
        StoredJob job = new(store, "attack-1");
        Directory.CreateDirectory(job.Folder);
        File.WriteAllBytes(Path.Combine(job.Folder, "job.json"), new JobSpecification
        {
            Tool = QuantizationJob.ToolVersion,
            Model = new JobInput(model ?? "../../inputs/m/digits.onnx", "0"),
            Data = new JobInput("../../inputs/d/spec.json", "0"),
            Output = output ?? "result/digits.onnx",
            Settings = new JobSettings(),
        }.ToBytes());
        return job;
    }
}
