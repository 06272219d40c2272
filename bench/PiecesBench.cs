using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Prefixes;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Bench;

/// <summary>What could be saved by running a candidate's last piece alone, on activations that were kept.</summary>
internal static class PiecesBench
{
    private const int Rounds = 5, Samples = 16;

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
        IReadOnlyList<string> cuts = ModelCuts.Of(prepared, plan.Layers, 3);
        Console.WriteLine($"\n{@case.Name}: {samples.Count} samples, {plan.Layers.Count} layers, {cuts.Count} cuts: {string.Join(", ", cuts)}");
        foreach ((string what, IEnumerable<Layer> layers) in new[] { ("every layer", plan.Layers), ("the second half", plan.Layers.Skip(plan.Layers.Count / 2)), ("the first half", plan.Layers.Take(plan.Layers.Count / 2)) })
        {
            Trial trial = builder.Build(layers.Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.Id, LayerChoice.Int8)));
            Measure(what, trial, prepared, cuts, samples);
        }
    }

    private static void Measure(string what, Trial trial, OnnxModel prepared, IReadOnlyList<string> cuts, LoadedSamples samples)
    {
        OnnxModel emitted = trial.Emit(prepared);
        IReadOnlyList<(OnnxModel Model, string? HandsOn)> pieces = Pieces.Of(emitted, cuts);
        using ModelSession whole = ModelSession.Create(emitted, new SessionSettings());
        ModelSession[] parts = [.. pieces.Select(p => ModelSession.Create(p.Model, new SessionSettings()))];
        Dictionary<string, DenseTensor>[] handed = [.. Enumerable.Range(0, samples.Count).Select(_ => new Dictionary<string, DenseTensor>())];
        int different = 0;
        for (int i = 0; i < samples.Count; i++)
        {
            using RunResult expected = whole.Run(samples.Read(i));
            for (int p = 0; p < parts.Length; p++)
            {
                using RunResult result = Piece(parts[p], samples.Read(i), handed[i]);
                if (pieces[p].HandsOn is { } tensor)
                    handed[i][tensor] = result.Copy(0);
                else if (!result.Bytes(0).SequenceEqual(expected.Bytes(0)))
                    different++;
            }
        }

        void RunPart(int p)
        {
            for (int i = 0; i < samples.Count; i++)
                Piece(parts[p], samples.Read(i), handed[i]).Dispose();
        }

        List<(string Name, Action Body)> variants =
        [
            ("emit", () => trial.Emit(prepared)),
            ("cut and write", () => Pieces.Of(emitted, cuts).Sum(p => p.Model.ToBytes().Length)),
            ("hash", () => { foreach (var p in pieces) System.Security.Cryptography.SHA256.HashData(p.Model.ToBytes()); }),
            ("open whole", () => ModelSession.Create(emitted, new SessionSettings()).Dispose()),
            ("run whole", () => { for (int i = 0; i < samples.Count; i++) whole.Run(samples.Read(i)).Dispose(); }),
        ];
        for (int p = 0; p < parts.Length; p++)
        {
            int piece = p;
            variants.Add(($"open piece {p + 1}", () => ModelSession.Create(pieces[piece].Model, new SessionSettings()).Dispose()));
            variants.Add(($"run piece {p + 1}", () => RunPart(piece)));
        }

        double[] medians = Interleaved.Medians([.. variants.Select(v => v.Body)], Rounds);
        Console.WriteLine($"  {what} on integers; {different} samples differ; handed on: {string.Join(", ", handed[0].Select(h => $"{h.Key} {h.Value.Bytes.Length >> 10} KB"))}");
        for (int i = 0; i < variants.Count; i++)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {variants[i].Name,-20} {medians[i],9:0.0} ms"));
        foreach (ModelSession part in parts)
            part.Dispose();
    }

    private static RunResult Piece(ModelSession session, Sample sample, Dictionary<string, DenseTensor> handed) =>
        session.Run(session.Inputs.ToDictionary(i => i.Name, i => handed.TryGetValue(i.Name, out DenseTensor? there) ? there : sample.Inputs[i.Name]));
}
