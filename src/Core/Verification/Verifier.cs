using System.Diagnostics;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Verification;

/// <summary>
/// Compares a quantized model with its float original on data neither was tuned on. Both run in ONNX Runtime at its
/// default optimization level, as users run them: what is verified is what is shipped.
/// </summary>
public static class Verifier
{
    /// <summary>Compares two files.</summary>
    /// <inheritdoc cref="Verify(VerifiedModel, VerifiedModel, IDataset, ITaskMetric?, VerificationSettings?, IProgress{VerificationProgress}?, CancellationToken)"/>
    public static VerificationResult Verify(
        string referencePath, string quantizedPath, IDataset data, ITaskMetric? task = null, VerificationSettings? settings = null, IProgress<VerificationProgress>? progress = null, CancellationToken cancellation = default) =>
        Verify(VerifiedModel.FromFile(referencePath), VerifiedModel.FromFile(quantizedPath), data, task, settings, progress, cancellation);

    /// <summary>Compares two models, one sample at a time: memory does not grow with the data.</summary>
    /// <exception cref="QuantException">The models differ in outputs, or the data do not fit them.</exception>
    public static VerificationResult Verify(
        VerifiedModel reference, VerifiedModel quantized, IDataset data, ITaskMetric? task = null, VerificationSettings? settings = null, IProgress<VerificationProgress>? progress = null, CancellationToken cancellation = default)
    {
        settings ??= new VerificationSettings();
        long started = Stopwatch.GetTimestamp();
        int samples = Math.Min(data.Count, settings.MaximumSamples ?? int.MaxValue);
        if (samples == 0)
            throw new QuantException(ExitCode.BadData, "there are no samples to verify on.");

        CheckLabels(task, data);
        ErrorTally tally = new();
        PairedComparison? comparison = task is null ? null : new PairedComparison(task);
        Sample sample = data.Read(0);
        int[] threads = LatencyThreads(settings);
        Dictionary<int, LatencyResult> latency = [];
        using (SessionPair pair = Open(reference, quantized, settings.Threads))
        {
            Compare(pair, OutputKinds.Of(reference.Structure), data, samples, task, settings, tally, comparison, progress, cancellation);
            if (threads.Contains(settings.Threads))
                latency[settings.Threads] = Time(pair, settings.Threads, isWarm: true);
        }

        foreach (int count in threads.Where(t => !latency.ContainsKey(t)))
        {
            using SessionPair pair = Open(reference, quantized, count);
            latency[count] = Time(pair, count, isWarm: false);
        }

        IReadOnlyList<TensorError> profile = Profile(settings.ProfileReference ?? reference.Model, quantized.Model, data, Math.Min(samples, settings.ProfileSamples), settings, progress, cancellation);
        return new VerificationResult
        {
            Samples = samples,
            Errors = tally.Values(),
            Task = comparison?.Result(),
            ReferenceBytes = reference.ByteCount,
            QuantizedBytes = quantized.ByteCount,
            Latency = [.. threads.Select(t => latency[t])],
            Profile = profile,
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
        };

        LatencyResult Time(SessionPair pair, int count, bool isWarm)
        {
            progress?.Report(new VerificationProgress("measuring latency", latency.Count, threads.Length));
            return LatencyComparison.Measure(pair, sample, count, settings.Latency!, isWarm, cancellation);
        }
    }

    /// <summary>None without latency; on a machine of one core "all" is 1 again.</summary>
    private static int[] LatencyThreads(VerificationSettings settings) =>
        settings.Latency is { } timing ? [.. timing.Threads.DistinctBy(t => t == 0 ? Environment.ProcessorCount : t)] : [];

    private static SessionPair Open(VerifiedModel reference, VerifiedModel quantized, int threads)
    {
        SessionSettings settings = new()
        {
            Threads = threads,
            // Threads of the one model must not spin while the other runs.
            Entries = new Dictionary<string, string> { ["session.force_spinning_stop"] = "1" },
        };
        return SessionPair.Open(() => reference.Open(settings), () => quantized.Open(settings), inTurn: reference.IsLarge);
    }

    /// <summary>Labels of other data would give a score that means nothing, so their number must fit.</summary>
    private static void CheckLabels(ITaskMetric? task, IDataset data)
    {
        if (task?.Labelled is not { } labels)
            return;
        Sample last = data.Read(data.Count - 1);
        int batch = OutputReader.BatchOf(last);
        int records = ((data.Count - 1) * batch) + Math.Min(batch, last.ValidRecords);
        if (labels != records)
            throw new QuantException(ExitCode.BadData, $"metric '{task.Name}': there are {labels} labels for {records} records. Do they belong to these data?");
    }

    private static IReadOnlyList<TensorError> Profile(
        OnnxModel reference, OnnxModel quantized, IDataset data, int samples, VerificationSettings settings, IProgress<VerificationProgress>? progress, CancellationToken cancellation) =>
        samples == 0 ? [] : LayerProfile.Measure(reference, quantized, settings.TensorMapping ?? TensorMatching.ByName(reference, quantized), data, samples, progress, cancellation);

    private static void Compare(
        SessionPair pair, IReadOnlyDictionary<string, OutputKind> kinds, IDataset data, int samples, ITaskMetric? task, VerificationSettings settings, ErrorTally tally, PairedComparison? comparison, IProgress<VerificationProgress>? progress, CancellationToken cancellation)
    {
        OutputComparison compare = new(pair.Reference, pair.Quantized, kinds, task);
        int done = 0;
        int blocks = (samples + VerificationSettings.BlockSize - 1) / VerificationSettings.BlockSize;
        OrderedBlocks<BlockComparison> run = new(blocks, (block, stop) => Block(compare, data, block, samples, stop), block =>
        {
            tally.Merge(block.Errors);
            for (int i = 0; i < block.ReferenceOutcomes.Count; i++)
                comparison!.Add(block.ReferenceOutcomes[i], block.QuantizedOutcomes[i]);
            done += block.Errors.Samples;
            progress?.Report(new VerificationProgress("comparing outputs", done, samples));
        });
        run.Run(settings.Workers, cancellation);
    }

    private static BlockComparison Block(OutputComparison compare, IDataset data, int block, int samples, CancellationToken cancellation)
    {
        BlockComparison result = new();
        int end = Math.Min(samples, (block + 1) * VerificationSettings.BlockSize);
        for (int i = block * VerificationSettings.BlockSize; i < end; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            compare.Add(data.Read(i), result);
        }

        return result;
    }
}
