using System.Globalization;
using System.Text.Json;
using QuantCluster.Inference;
using QuantCluster.Planning;
using QuantCluster.Reporting;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// Work item: the time of an emitted model, run by run in turn with the float model. Unlike other items its result is
/// not the same everywhere: the CPU is part of what names it, and the job's journal is where it is found again.
/// </summary>
internal sealed class MeasureLatency(JobValues values, JobSources sources) : IWorkHandler
{
    public const string KindName = "measure-latency";

    /// <summary>One at a time in a process: timings side by side would measure each other.</summary>
    private static readonly SemaphoreSlim _alone = new(1);

    public string Kind => KindName;

    /// <param name="emitted">The model's blob.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="budget">How long to measure.</param>
    public static WorkItem ItemOf(StageContext context, BlobId emitted, int threads, TimeSpan budget) => new(
        KindName,
        string.Create(CultureInfo.InvariantCulture, $"{emitted} {threads} {budget.TotalMilliseconds:0}"),
        context.Directory.Specification.Tool, context.Sources.ModelInput.Sha256, context.DataKey, ReportedEnvironment.Processor);

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        string[] parts = item.Argument.Split(' ');
        LatencySettings settings = new() { Budget = TimeSpan.FromMilliseconds(double.Parse(parts[2], CultureInfo.InvariantCulture)), Close = 1.1 };
        VerifiedModel reference = VerifiedModel.FromFile(sources.ModelInput.Path);
        byte[] model = await values.Blobs.GetAsync(BlobId.Parse(parts[0]), cancellation);
        return await AloneAsync(() =>
        {
            int threads = int.Parse(parts[1], CultureInfo.InvariantCulture);
            SessionSettings session = new()
            {
                Threads = threads,
                // Threads of the one model must not spin while the other runs.
                Entries = new Dictionary<string, string> { ["session.force_spinning_stop"] = "1" },
            };
            using SessionPair pair = SessionPair.Open(() => reference.Open(session), () => ModelSession.Create(model, session));
            LatencyResult result = LatencyComparison.Measure(pair, sources.Data.Read(0), threads, settings, isWarm: false, cancellation);
            return CanonicalJson.Serialize(result, StageJson.Default.LatencyResult);
        }, cancellation);
    }

    public static LatencyResult Parse(ReadOnlySpan<byte> result) => JsonSerializer.Deserialize(result, StageJson.Default.LatencyResult)!;

    /// <summary>Does something that is timed when nothing else in the process is.</summary>
    public static async Task<byte[]> AloneAsync(Func<byte[]> measure, CancellationToken cancellation)
    {
        await _alone.WaitAsync(cancellation);
        try
        {
            return measure();
        }
        finally
        {
            _alone.Release();
        }
    }
}

/// <summary>Work item: the time of every layer in the float model and in a quantized one (<see cref="KernelTiming"/>).</summary>
internal sealed class ProfileKernels(JobValues values, JobSources sources) : IWorkHandler
{
    public const string KindName = "profile-kernels";

    public string Kind => KindName;

    /// <param name="model">The prepared model's blob.</param>
    /// <param name="plan">Blob of the plan the model was emitted from.</param>
    /// <param name="emitted">The emitted model's blob.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="budget">How long to measure.</param>
    public static WorkItem ItemOf(StageContext context, BlobId model, BlobId plan, BlobId emitted, int threads, TimeSpan budget) => new(
        KindName,
        string.Create(CultureInfo.InvariantCulture, $"{emitted} {threads} {budget.TotalMilliseconds:0}"),
        context.Directory.Specification.Tool, model.Value, plan.Value, context.DataKey, ReportedEnvironment.Processor);

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        string[] parts = item.Argument.Split(' ');
        Onnx.OnnxModel prepared = await values.ModelAsync(BlobId.Parse(item.Inputs[1]));
        QuantizationPlan plan = await values.PlanAsync(BlobId.Parse(item.Inputs[2]));
        Onnx.OnnxModel quantized = await ModelBlobs.GetAsync(values.Blobs, BlobId.Parse(parts[0]), cancellation);
        return await MeasureLatency.AloneAsync(() => CanonicalJson.Serialize(
            KernelTiming.Measure(
                prepared, quantized, plan.Layers, sources.Data.Read(0), int.Parse(parts[1], CultureInfo.InvariantCulture),
                TimeSpan.FromMilliseconds(double.Parse(parts[2], CultureInfo.InvariantCulture)), cancellation),
            StageJson.Default.LatencyProfile), cancellation);
    }

    public static LatencyProfile Parse(ReadOnlySpan<byte> result) => JsonSerializer.Deserialize(result, StageJson.Default.LatencyProfile)!;
}
