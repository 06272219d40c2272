using System.Globalization;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// How long five orders take, layer by layer with every range candidate and a correction in each step, on all calibration
/// samples; and a trial of them beside plain inference.
/// </summary>
internal static class OrdersTiming
{
    private static readonly string[] Orders = ["sensitivity-ascending", "topological", "reverse", "sensitivity-descending", "latency-gain"];

    public static int Run(string[] names)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        foreach ((string name, string model) in AnchorModels.Of(names.Length == 0 ? ["ocr"] : names))
            Measure(anchors, name, model);
        return 0;
    }

    private static void Measure(string anchors, string name, string model)
    {
        // Thorough: one layer a step, no limit of trials.
        SearchSettings settings = new() { Effort = SearchEffort.Thorough, Orders = Orders };
        using SearchRun run = new(anchors, name, model, settings, WeightType.Int8, p => p.Phase is "finish" or "polish");
        SearchOutcome search = run.Outcome;
        double first = run.Phases["sensitivity"].Last, relief = run.Phases.TryGetValue("relief", out (double First, double Last, int Trials) r) ? r.Last : first;
        (double _, double end, int trials) = run.Phases.Where(p => Orders.Contains(p.Key)).Select(p => p.Value).MaxBy(p => p.Last);
        int before = Math.Max(run.Phases["sensitivity"].Trials, r.Trials);
        double seconds = end - Math.Max(first, relief);
        double plain = PlainMilliseconds(anchors, name, model, search.SearchSamples);
        double spent = seconds * Environment.ProcessorCount / (trials - before) * 1000;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""
            {name}: {search.Start.Quantized} layers, {search.SearchSamples + search.ValidationSamples} samples ({search.SearchSamples} choose, {search.ValidationSamples} judge), {Orders.Length} orders, {Environment.ProcessorCount} cores
              orders walked        {seconds,9:0.0} s, {trials - before} trials of {trials} (sensitivity and relief before: {Math.Max(first, relief):0.0} s from the job's start)
              a trial, all told    {spent,9:0.0} ms of one core: candidates (hopeless ones stop early), corrections, judging every step
              plain inference      {plain,9:0.0} ms of one core over the {search.SearchSamples} samples that choose
              ratio                {spent / plain,9:0.00}
              walked to the end    {string.Join(", ", search.Curves.Where(c => c.Steps.Count > 0 && c.Steps[^1].Quantized == search.Start.Quantized).Select(c => c.Order))}
            """));
    }

    private static double PlainMilliseconds(string anchors, string name, string model, int samples)
    {
        using ModelSession session = ModelSession.Open(Path.Combine(anchors, "models", model + ".onnx"), new SessionSettings { Threads = 1 });
        using IDataset data = Datasets.Open(DatasetSpec.Load(Path.Combine(anchors, "cases", name + ".calib.json")), session.Inputs);
        using LoadedSamples loaded = new(data, Math.Min(samples, data.Count));
        return Interleaved.Medians([() =>
        {
            for (int i = 0; i < loaded.Count; i++)
                session.Run(loaded.Read(i)).Dispose();
        }], 5)[0];
    }
}
