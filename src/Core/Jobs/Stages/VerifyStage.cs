using QuantCluster.Onnx;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>INT8 model → how far from the float model it is, and how fast.</summary>
internal static class VerifyStage
{
    /// <summary>Calibration samples the emitted model is checked on when there are no held-out data.</summary>
    private const int QuickSamples = 32;

    /// <summary>A speedup that surely exceeds this factor need not be known better.</summary>
    private const double ClearlyFaster = 1.1;

    /// <param name="context">The job.</param>
    /// <param name="prepared">What the emitted model was made of: it has more tensors in common with it than the original.</param>
    /// <param name="scaled">Tensors whose values are not the prepared model's, and which the profile leaves out.</param>
    /// <param name="emitted">The INT8 model.</param>
    /// <param name="workers">Blocks compared at a time.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    public static async Task<VerificationResult> RunAsync(
        StageContext context, OnnxModel prepared, IReadOnlySet<string> scaled, BlobId emitted, int workers, CancellationToken cancellation)
    {
        JobSources sources = context.Sources;
        string evaluation = sources.EvaluationInput?.Sha256 ?? context.DataKey;
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync("verify", [emitted.Value, sources.ModelInput.Sha256, evaluation, context.Settings.Threads.ToString()], async c =>
        {
            VerifiedModel reference = VerifiedModel.FromFile(sources.ModelInput.Path);
            VerifiedModel quantized = await ModelBlobs.VerifiedAsync(context.Directory.Blobs, emitted, c);
            // Calibration data flatter, so without held-out data more than a quick check would buy nothing: fewer
            // samples and runs, and a profile of the quantized tensors alone.
            bool heldOut = sources.EvaluationInput is not null;
            VerificationSettings settings = new()
            {
                Workers = workers,
                MaximumSamples = heldOut ? null : QuickSamples,
                ProfileSamples = heldOut ? 4 : 1,
                ProfileReference = prepared,
                TensorMapping = TensorMatching.ByName(prepared, quantized.Model).Where(m => !scaled.Contains(m.Key) && (heldOut || m.Key != m.Value)).ToDictionary(),
                Latency = new LatencySettings
                {
                    Threads = context.Settings.Threads > 0 ? [context.Settings.Threads] : heldOut ? [1, 0] : [1],
                    Budget = TimeSpan.FromSeconds(heldOut ? 2 : 0.15),
                    MinimumRuns = heldOut ? 11 : 7,
                    Clear = ClearlyFaster,
                    Close = ClearlyFaster,
                },
            };
            VerificationResult result = Verifier.Verify(reference, quantized, sources.Evaluation, sources.Task, settings, Forward(context.Progress), c);
            return new Dictionary<string, byte[]> { ["result"] = CanonicalJson.Serialize(result, StageJson.Default.VerificationResult) };
        }, cancellation);
        return await context.ReadJsonAsync(outputs["result"], StageJson.Default.VerificationResult, cancellation);
    }

    private static IProgress<VerificationProgress>? Forward(IProgress<JobProgress>? progress) =>
        progress is null ? null : new Forwarding(progress);

    private sealed class Forwarding(IProgress<JobProgress> progress) : IProgress<VerificationProgress>
    {
        public void Report(VerificationProgress value) => progress.Report(new JobProgress($"verify: {value.Stage}", value.Done, value.Total));
    }
}
