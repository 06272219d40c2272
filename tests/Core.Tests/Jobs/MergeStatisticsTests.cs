using System.Runtime.CompilerServices;
using QuantCluster.Calibration;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Planning;

namespace QuantCluster.Tests.Jobs;

/// <summary>Statistics of many blocks, merged some tensors at a time by whoever has time.</summary>
public sealed class MergeStatisticsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Merged_by_others_some_tensors_each_they_are_the_bytes_that_one_process_comes_to(bool strangers)
    {
        JobSettings settings = new() { Samples = 64, Workers = 2, Threads = 2 };
        using JobSources sources = JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), null, settings);
        using JobDirectory job = JobDirectory.Create(_folder["job"], new JobSpecification
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = _folder["out.onnx"],
            Settings = settings,
        });
        using WorkHandlers handlers = new(job.Blobs, sources, 1, 2);
        StageContext context = new(job, new StageRunner(job, strangers ? new Strangers() : new LocalEngine(3)), sources, handlers, null);
        BlobId model = (await PrepareStage.RunAsync(context, default))["model"];
        BlobId planBlob = (await PlanStage.RunAsync(context, model, await context.ReadModelAsync(model), default))["plan"];
        QuantizationPlan plan = await handlers.Values.PlanAsync(planBlob);

        CalibrationStatistics alone = await CalibrateStage.RunAsync(context, model, planBlob, plan, default, spreadFrom: long.MaxValue);
        Assert.DoesNotContain(job.Journal.Records, r => r.Kind == MergeStatistics.KindName);
        CalibrationStatistics spread = await CalibrateStage.RunAsync(context, model, planBlob, plan, default, spreadFrom: 0);
        Assert.InRange(job.Journal.Records.Count(r => r.Kind == MergeStatistics.KindName), 2, 8);
        Assert.Equal(64, spread.Samples);
        Assert.Equal(plan.Points.Count, spread.Tensors.Count);
        Assert.Equal(BytesOf(alone), BytesOf(spread));
    }

    [Fact]
    public void Some_tensors_of_a_file_are_read_without_the_others_whatever_their_names()
    {
        string[] names = ["a", """{"name":"b""", "c\"},{\"name\":\"d", "e"];
        CalibrationStatistics all = new(7, names.Select((n, i) => TensorStatistics.Of(n, [i, -1.5f, 0.25f * i])));
        byte[] file = BytesOf(all);
        for (int first = 0; first < names.Length; first++)
        {
            for (int end = first + 1; end <= names.Length; end++)
                Assert.Equal(BytesOf(new(7, all.Tensors.Values.Take(first..end))), BytesOf(StatisticsFile.Read(file, first..end)));
        }

        Assert.Equal("it has 4 tensors, not 5", Assert.Throws<InvalidDataException>(() => StatisticsFile.Read(file, 3..5)).Message);
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] BytesOf(CalibrationStatistics statistics)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(statistics, stream);
        return stream.ToArray();
    }

    /// <summary>Every item is done by one who knows nothing but the job's folder.</summary>
    private sealed class Strangers : IWorkEngine
    {
        public string Name => "strangers";

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(
            JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkItem item in items.WithCancellation(cancellation))
            {
                using WorkerJob stranger = WorkerJob.Open(job.Folder, 1, 1);
                yield return new WorkResult(item, await stranger.ExecuteAsync(item, cancellation), null, 1, TimeSpan.Zero);
            }
        }
    }
}
