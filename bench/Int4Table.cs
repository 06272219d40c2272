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
using QuantCluster.Search;
using QuantCluster.Tests;
using QuantCluster.Verification;

namespace QuantCluster.Bench;

/// <summary>The table of <c>docs/int4.md</c>: what each correction wins back of what 4-bit weights lose, judged on the evaluation split.</summary>
internal static class Int4Table
{
    /// <param name="trials">Of the search.</param>
    public static int Run(int trials, string[] only)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        Console.WriteLine("| anchor | nearest | + bias | Hessian rounding and flips | + bias | + equalized channels | what fast chooses | search | task metric: nearest, best (float) | size (INT8) |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach ((string name, string model) in AnchorModels.Of(only))
            Console.WriteLine(Row(anchors, name, model, trials));
        return 0;
    }

    private static string Row(string anchors, string name, string model, int trials)
    {
        string path = Path.Combine(anchors, "models", model + ".onnx");
        using ScratchFolder scratch = new();
        using JobSources sources = JobSources.Open(
            path, Path.Combine(anchors, "cases", name + ".calib.json"), AnchorResults.EvaluationOf(name, anchors, scratch.Path), new JobSettings());
        OnnxModel prepared = Preparer.Prepare(sources.Model!, sources.Data.Read(0), new PreparationSettings()).Model;
        QuantizationPlan plan = Planner.Plan(prepared, TensorProbe.Observe(prepared, sources.Data.Read(0)), PlanSettings.Default);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            prepared, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], sources.Data, new CalibrationSettings { Workers = Environment.ProcessorCount }, null, CancellationToken.None);
        RangeSettings ranges = new() { Weights = IntegerType.Int4 };
        QuantizationConfiguration start = RangeSelection.Choose(prepared, plan, statistics, ranges);
        HashSet<string> layers = [.. plan.Layers.Select(l => l.Id)];
        (int[] evidence, _) = CorrectionChoice.Split(sources.Data.Count, plan.Layers.Sum(l => (double)l.MultiplyAccumulates), new CorrectionSettings());
        SequentialBiasCorrection walk = new(prepared, plan, sources.Data, evidence, Environment.ProcessorCount);
        QuantizationConfiguration rounded = walk.Correct(start, layers, LayerCorrection.Rounding | LayerCorrection.Bias, CancellationToken.None);
        // The integers of the corrected model with the biases it had.
        QuantizationConfiguration alone = rounded with { Biases = start.Biases };
        QuantizationConfiguration? equalized = ChannelEqualization.HasPairs(prepared, plan, start)
            ? CorrectionChoice.Choose(prepared, plan, start, sources.Data, new CorrectionSettings { Mode = CorrectionMode.Equalize, Ranges = ranges }, CancellationToken.None).Configuration
            : null;
        QuantizationConfiguration[] tried = [start, walk.Correct(start, layers, LayerCorrection.Bias, CancellationToken.None), alone, rounded, .. equalized is null ? [] : new[] { equalized }];
        // Every layer stays on integers, as in the other columns.
        using SearchRun search = new(anchors, name, model, new SearchSettings { Trials = trials, Growth = 0 }, WeightType.Int4);
        VerificationResult[] results =
        [
            .. tried.Select(t => Verify(sources, path, Emitter.Emit(prepared, plan, t))),
            Verify(sources, path, search.Rebuild(search.Outcome.Start)),
            Verify(sources, path, OnnxModel.Load(search.Emitted)),
        ];
        long eight = Emitter.Emit(prepared, plan, StoredIntegers.Unpacked(start)).ToBytes().LongLength;
        StringBuilder row = new($"| {name} ");
        foreach (VerificationResult result in results[..tried.Length])
            row.Append(CultureInfo.InvariantCulture, $"| {result.Error("sqnr_db"):F2} ");
        if (equalized is null)
            row.Append("| no pairs ");
        row.Append(CultureInfo.InvariantCulture, $"| {results[^2].Error("sqnr_db"):F2} ");
        row.Append(CultureInfo.InvariantCulture, $"| {results[^1].Error("sqnr_db"):F2} ({search.Outcome.Winner.Origin}) ");
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
