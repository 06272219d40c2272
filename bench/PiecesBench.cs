using System.Diagnostics;
using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Prefixes;

namespace QuantCluster.Bench;

/// <summary>
/// What running candidates in pieces saves: the candidates of chains along some orders, emitted, opened and run over a
/// block of samples, in pieces and whole in turns, one thread.
/// </summary>
internal static class PiecesBench
{
    private const int Samples = 16;

    public static int Run(string[] names)
    {
        foreach (CalibrationCase @case in CalibrationCases.All().Where(c => names.Length == 0 || names.Contains(c.Name)))
            Measure(@case);
        return 0;
    }

    private static void Measure(CalibrationCase @case)
    {
        (OnnxModel prepared, IReadOnlyList<TapRequest> taps) = @case.Prepare();
        using ModelSession plain = ModelSession.Create(prepared, new SessionSettings());
        using IDataset data = @case.Data(plain.Inputs);
        using LoadedSamples samples = new(data, Math.Min(Samples, data.Count));
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, samples.Read(0));
        QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
        CalibrationStatistics statistics;
        using (ModelSession tapped = Calibrator.OpenTapped(prepared, taps, 1))
            statistics = Calibrator.Calibrate(tapped, taps, samples, new CalibrationSettings(), null, default);
        TrialBuilder builder = new(prepared, shapes, plan, new RangeTable(statistics, RangeSettings.Default, new Dictionary<string, Numerics.AffineMapping>()));
        IReadOnlyList<string> cuts = ModelCuts.Of(prepared, shapes, plan.Layers, PieceRuns.Cuts);
        string[] layers = [.. plan.Layers.Select(l => l.Id)];
        ChainTarget target = ChainTarget.Standard(builder);
        Console.WriteLine($"{@case.Name}: {samples.Count} samples, {layers.Length} layers, {cuts.Count} cuts ({string.Join(", ", cuts)})");
        Along("topological", layers);
        Along("reverse", [.. layers.Reverse()]);
        Along("random", [.. layers.OrderBy(l => Jobs.ContentHash.Of("1", l), StringComparer.Ordinal)]);
        Along("one layer alone", layers, alone: true);

        void Along(string order, string[] along, bool alone = false)
        {
            WholeModelError error = new(prepared, samples, [.. Enumerable.Range(0, samples.Count)], 1);
            PieceRuns pieces = new(1, new SessionSettings()), whole = new(1, new SessionSettings());
            double inPieces = 0, asWhole = 0;
            int trials = 0;
            SearchConfiguration state = SearchConfiguration.AllFloat;
            foreach (string layer in along)
            {
                foreach (SearchConfiguration candidate in new PrefixStep(builder, target, alone ? SearchConfiguration.AllFloat : state, [layer], new SearchSettings()).Propose().Take(alone ? 1 : int.MaxValue))
                {
                    Trial trial = builder.Build(candidate);
                    asWhole += Time(whole, trial, []);
                    inPieces += Time(pieces, trial, cuts);
                    trials++;
                }

                state = target.Extend(state, [layer]);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {order,-16} {trials,5} trials, whole {asWhole / trials,7:0.0} ms a trial, in pieces {inPieces / trials,7:0.0} ms, {asWhole / inPieces:0.00}x"));
            pieces.Release();
            whole.Release();

            double Time(PieceRuns runs, Trial trial, IReadOnlyList<string> places)
            {
                Stopwatch watch = Stopwatch.StartNew();
                using BlockRun run = runs.Begin(trial.Key, () => trial.Emit(prepared), places, "block", samples.Count);
                error.Measure(run.Run, ..samples.Count, default);
                return watch.Elapsed.TotalMilliseconds;
            }
        }
    }
}
