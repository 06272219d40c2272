using System.Globalization;
using QuantCluster.Data;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Search;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// Does order matter? Every anchor's layers are quantized along six orders, two of them random, ranges chosen and
/// corrections made on the way; with all layers on integers, the spread between the orders on the evaluation split, which
/// had no part in any choice.
/// </summary>
internal static class OrdersBench
{
    /// <summary>Samples of the evaluation split that judge, at most.</summary>
    private const int Judges = 256;

    /// <summary>Fifteen pairs of orders are compared: by chance one of them may well differ by two standard errors, hardly by three.</summary>
    private const double Significant = 3;

    private static readonly string[] Orders = ["topological", "reverse", "sensitivity-ascending", "sensitivity-descending", "random-1", "random-2"];

    /// <param name="arguments">Anchors; <c>--steps N</c> of an order at most, <c>--bits 8|4</c> of weights.</param>
    public static int Run(string[] arguments)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        int steps = 32;
        WeightType weights = WeightType.Int8;
        List<string> names = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--steps" && i + 1 < arguments.Length)
                steps = int.Parse(arguments[++i], CultureInfo.InvariantCulture);
            else if (arguments[i] == "--bits" && i + 1 < arguments.Length)
                weights = arguments[++i] == "4" ? WeightType.Int4 : WeightType.Int8;
            else
                names.Add(arguments[i]);
        }

        Console.WriteLine("| anchor | bits of weights | layers, steps | trials | best order | its error | median | worst order | its error | worst / best | worst − best ± standard error | verdict |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach ((string name, string model) in AnchorModels.Of(names))
            Console.WriteLine(Row(anchors, name, model, steps, weights));
        return 0;
    }

    private static string Row(string anchors, string name, string model, int steps, WeightType weights)
    {
        // What comes after the chains is of no interest here.
        SearchSettings settings = new() { Orders = Orders, Steps = steps, Trials = int.MaxValue };
        using SearchRun run = new(anchors, name, model, settings, weights, p => p.Phase is "finish" or "polish");
        SearchOutcome search = run.Outcome;
        int all = search.Start.Quantized, bits = weights == WeightType.Int4 ? 4 : 8;
        SearchPointOutcome[] ends = [.. search.Curves.Select(c => search.Points.LastOrDefault(p => p.Origin == c.Order && p.Quantized == all)).OfType<SearchPointOutcome>()];
        if (ends.Length < 2)
            return $"| {name} | {bits} | {all}, {Math.Min(all, steps)} | {search.Trials} | no two orders ended with every layer on integers | | | | | | | |";
        (string Order, double[] Errors)[] judged = [.. Judge(anchors, name, model, run, ends).OrderBy(e => e.Errors.Average())];
        double[] means = [.. judged.Select(j => j.Errors.Average())];
        PairedGain gain = PairedGain.Of(judged[^1].Errors, judged[0].Errors);
        double median = (means[(means.Length - 1) / 2] + means[means.Length / 2]) / 2;
        string verdict = gain.IsSignificant(Significant) ? "order matters" : "tie";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {bits} | {all}, {Math.Min(all, steps)} | {search.Trials} | {judged[0].Order} | {means[0]:0.00e+0} | {median:0.00e+0} | {judged[^1].Order} | {means[^1]:0.00e+0} | {means[^1] / means[0]:0.00} | {gain.Mean:0.00e+0} ± {gain.StandardError:0.0e+0} | {verdict} |");
    }

    /// <summary>Each order's end on the evaluation split.</summary>
    private static (string Order, double[] Errors)[] Judge(string anchors, string name, string model, SearchRun run, SearchPointOutcome[] ends)
    {
        string path = Path.Combine(anchors, "models", model + ".onnx");
        using JobSources sources = JobSources.Open(path, Path.Combine(anchors, "cases", name + ".calib.json"), Path.Combine(anchors, "cases", name + ".eval.json"), new JobSettings());
        IDataset evaluation = sources.Evaluation;
        WholeModelError error = new(OnnxModel.Load(path), evaluation, SampleSplit.Scatter(evaluation.Count, Judges), 0);
        return [.. ends.Select(e => (e.Origin, error.Measure(run.Rebuild(e), default)))];
    }
}
