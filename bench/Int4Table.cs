using System.Globalization;
using System.Text;
using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Tests;
using QuantCluster.Verification;

namespace QuantCluster.Bench;

/// <summary>The table of <c>docs/int4.md</c>: what each correction wins back of what 4-bit weights lose, judged on the evaluation split.</summary>
internal static class Int4Table
{
    private static readonly (string Name, string Model)[] All =
    [
        ("mobilenetv1", "mobilenetv1_0.75_224"), ("squeezenet", "squeezenet1.1"), ("resnet20", "resnet20_cifar10"), ("ocr", "ppocrv4_rec"),
        ("kws", "kws_dscnn_fp32"), ("vit", "vit_pgd_2_3_16"), ("sst2", "sst2_encoder"), ("stories", "stories260K"),
    ];

    public static int Run(string[] only)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        Console.WriteLine("| anchor | nearest | + bias | Hessian rounding and flips | + bias | + equalized channels | task metric: nearest, best (float) | size (INT8) |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach ((string name, string model) in All.Where(a => only.Length == 0 || only.Contains(a.Name)))
            Console.WriteLine(Row(anchors, name, model));
        return 0;
    }

    private static string Row(string anchors, string name, string model)
    {
        string path = Path.Combine(anchors, "models", model + ".onnx");
        using JobSources sources = JobSources.Open(
            path, Path.Combine(anchors, "cases", name + ".calib.json"), Path.Combine(anchors, "cases", name + ".eval.json"), new JobSettings());
        OnnxModel prepared = Preparer.Prepare(sources.Model!, sources.Data.Read(0), new PreparationSettings()).Model;
        QuantizationPlan plan = Planner.Plan(prepared, TensorProbe.Observe(prepared, sources.Data.Read(0)), PlanSettings.Default);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            prepared, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], sources.Data, new CalibrationSettings { Workers = Environment.ProcessorCount }, null, CancellationToken.None);
        RangeSettings ranges = new() { Weights = IntegerType.Int4 };
        QuantizationConfiguration start = RangeSelection.Choose(prepared, plan, statistics, ranges);
        HashSet<string> layers = [.. plan.Layers.Select(l => l.Id)];
        (int[] evidence, _) = CorrectionChoice.Split(sources.Data.Count, plan.Layers.Sum(l => (double)l.MultiplyAccumulates), new CorrectionSettings());
        SequentialBiasCorrection walk = new(prepared, plan, sources.Data, evidence, Environment.ProcessorCount);
        QuantizationConfiguration rounded = walk.Correct(start, layers, rounding: true, CancellationToken.None);
        // The integers of the corrected model with the biases it had.
        QuantizationConfiguration alone = rounded with { Biases = start.Biases };
        QuantizationConfiguration? equalized = ChannelEqualization.HasPairs(prepared, plan, start)
            ? CorrectionChoice.Choose(prepared, plan, start, sources.Data, new CorrectionSettings { Mode = CorrectionMode.Equalize, Ranges = ranges }, CancellationToken.None).Configuration
            : null;
        QuantizationConfiguration[] tried = [start, walk.Correct(start, layers, rounding: false, CancellationToken.None), alone, rounded, .. equalized is null ? [] : new[] { equalized }];
        VerificationResult[] results = [.. tried.Select(t => Verify(sources, path, Emitter.Emit(prepared, plan, t)))];
        long eight = Emitter.Emit(prepared, plan, StoredIntegers.Unpacked(start)).ToBytes().LongLength;
        StringBuilder row = new($"| {name} ");
        foreach (VerificationResult result in results)
            row.Append(CultureInfo.InvariantCulture, $"| {result.Error("sqnr_db"):F2} ");
        if (equalized is null)
            row.Append("| no pairs ");
        VerificationResult best = results.MaxBy(r => r.Error("sqnr_db"))!;
        row.Append(CultureInfo.InvariantCulture, $"| {results[0].Task?.Quantized:G4}, {best.Task?.Quantized:G4} ({best.Task?.Reference:G4}) ");
        row.Append(CultureInfo.InvariantCulture, $"| {best.QuantizedBytes / 1e6:F2} ({eight / 1e6:F2}) MB |");
        return row.ToString();
    }

    private static VerificationResult Verify(JobSources sources, string path, OnnxModel emitted)
    {
        using ScratchFolder scratch = new();
        string file = Path.Combine(scratch.Path, "int4.onnx");
        emitted.Save(file);
        return Verifier.Verify(
            VerifiedModel.FromFile(path), VerifiedModel.FromFile(file), sources.Evaluation, sources.Task,
            new VerificationSettings { Workers = Environment.ProcessorCount, ProfileSamples = 0, Latency = null });
    }
}
