using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Bench;

/// <summary>
/// What a trial costs (a candidate emitted, opened, and run over its samples) beside plain inference of the float model
/// over the same samples, in turns in one process, one thread each.
/// </summary>
internal static class TrialsBench
{
    private const int Rounds = 5;

    public static int Run(string[] names, int samples)
    {
        foreach (CalibrationCase @case in CalibrationCases.All().Where(c => names.Length == 0 || names.Contains(c.Name)))
            Measure(@case, samples);
        return 0;
    }

    private static void Measure(CalibrationCase @case, int most)
    {
        (OnnxModel prepared, IReadOnlyList<TapRequest> taps) = @case.Prepare();
        using ModelSession plain = ModelSession.Create(prepared, new SessionSettings());
        using IDataset data = @case.Data(plain.Inputs);
        using LoadedSamples samples = new(data, Math.Min(most, data.Count));
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, samples.Read(0));
        QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
        CalibrationStatistics statistics;
        using (ModelSession tapped = Calibrator.OpenTapped(prepared, taps, 1))
            statistics = Calibrator.Calibrate(tapped, taps, samples, new CalibrationSettings(), null, default);
        TrialBuilder trials = new(prepared, shapes, plan, new RangeTable(statistics, RangeSettings.Default));
        Trial all = trials.BuildOnly(plan.Layers.Select(l => l.Id)), half = trials.BuildOnly(plan.Layers.Where((_, i) => i % 2 == 0).Select(l => l.Id));
        WholeModelError error = new(prepared, samples, [.. Enumerable.Range(0, samples.Count)], 1);
        error.Measure(all.Emit(prepared), default);
        OnnxModel emitted = all.Emit(prepared);
        using ModelSession warm = ModelSession.Create(emitted, new SessionSettings());
        (string Name, Action Body)[] variants =
        [
            ("plain inference, float", () => Infer(plain, samples)),
            ("plain inference, integer", () => Infer(warm, samples)),
            ("emit", () => all.Emit(prepared)),
            ("emit and open", () => ModelSession.Create(all.Emit(prepared), new SessionSettings()).Dispose()),
            ("trial, every layer on integers", () => error.Measure(all.Emit(prepared), default)),
            ("trial, every second layer", () => error.Measure(half.Emit(prepared), default)),
        ];
        double[] medians = Interleaved.Medians([.. variants.Select(v => v.Body)], Rounds);
        Console.WriteLine($"\n{@case.Name}: {samples.Count} samples, {plan.Layers.Count} layers, {Rounds} rounds in turns, medians");
        for (int i = 0; i < variants.Length; i++)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {variants[i].Name,-34} {medians[i],9:0.0} ms  {medians[i] / medians[0],5:0.00}x"));
    }

    private static void Infer(ModelSession session, LoadedSamples samples)
    {
        for (int i = 0; i < samples.Count; i++)
            session.Run(samples.Read(i)).Dispose();
    }
}
