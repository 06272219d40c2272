using System.Diagnostics;
using System.Globalization;
using System.Text;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// The ranking of layers that <c>quant sensitivity</c> makes by default against brute force: two trials a layer on every
/// calibration sample.
/// </summary>
internal static class SensitivityBench
{
    private static readonly string[] Anchors = ["mobilenetv1", "squeezenet", "resnet20", "ocr", "kws", "vit", "sst2", "stories"];

    public static int Run(string[] arguments)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        int write = Array.IndexOf(arguments, "--write");
        string[] only = [.. arguments.Where((_, i) => write < 0 || i < write || i > write + 1)];
        StringBuilder page = new(Header());
        foreach (string name in Anchors.Where(a => only.Length == 0 || only.Contains(a)))
        {
            string row = Row(name, DatasetSpec.Load(Path.Combine(anchors, "cases", $"{name}.calib.json")));
            Console.WriteLine(row);
            page.AppendLine(row);
        }

        if (write >= 0)
            File.WriteAllText(arguments[write + 1], page.ToString());
        return 0;
    }

    private static string Row(string name, DatasetSpec spec)
    {
        OnnxModel model = OnnxModel.Load(spec.Model!);
        using ModelSession session = ModelSession.Create(model, new SessionSettings { Optimization = GraphOptimization.None });
        using IDataset data = Datasets.Open(spec, session.Inputs);
        Sample sample = data.Read(0);
        OnnxModel prepared = Preparer.Prepare(model, sample, new PreparationSettings()).Model;
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, sample);
        QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            prepared, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], data, new CalibrationSettings(), null, CancellationToken.None);
        LayerTrials trials = LayerTrials.Make(plan.Layers, new TrialBuilder(prepared, shapes, plan, new RangeTable(statistics, RangeSettings.Default)).BuildOnly);

        Stopwatch watch = Stopwatch.StartNew();
        int[] all = [.. Enumerable.Range(0, data.Count)];
        (double[] every, double[][] onlyThis) = Measure(prepared, data, all, [trials.All, .. trials.OnlyThis]);
        double onlySeconds = watch.Elapsed.TotalSeconds;
        Measure(prepared, data, all, trials.AllButThis);
        double bruteSeconds = watch.Elapsed.TotalSeconds;

        watch.Restart();
        double[] errors = Measure(prepared, data, all, [trials.All]).First;
        WeighedSamples chosen = WeighedSamples.ByError(all, errors, WeighedSamples.Affordable(plan.Layers.Count, data.Count));
        double[][] quick = Measure(prepared, data, [.. chosen.Indices], [trials.All, .. trials.OnlyThis]).Others;
        double quickSeconds = watch.Elapsed.TotalSeconds;

        double[] truth = [.. onlyThis.Select(e => e.Average())], found = [.. quick.Select(e => chosen.Apply(e).Average())];
        double halves = RankCorrelation.Spearman([.. onlyThis.Select(e => e.Where((_, i) => i % 2 == 0).Average())], [.. onlyThis.Select(e => e.Where((_, i) => i % 2 == 1).Average())]);
        int runs = data.Count + (plan.Layers.Count * chosen.Indices.Count), brute = ((2 * plan.Layers.Count) + 1) * data.Count;
        return string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {plan.Layers.Count} | {data.Count} | {chosen.Indices.Count} | **{RankCorrelation.Spearman(found, truth):0.000}** | {halves:0.000} | {runs} of {brute} ({100.0 * runs / brute:0.0} %) | {quickSeconds:0.0} s of {bruteSeconds:0.0} s ({100 * quickSeconds / bruteSeconds:0} %) | {onlySeconds:0.0} s |");
    }

    private static (double[] First, double[][] Others) Measure(OnnxModel prepared, IDataset data, int[] samples, IReadOnlyList<Trial> trials)
    {
        WholeModelError objective = new(prepared, data, samples, 0);
        double[][] errors = [.. trials.Select(t => objective.Measure(t.Emit(prepared), CancellationToken.None))];
        return (errors[0], errors[1..]);
    }

    private static string Header() => string.Create(CultureInfo.InvariantCulture,
        $"""
        # Sensitivity: a tenth of the cost

        `quant sensitivity`, the orders of the search and the frontier rank layers by what each costs alone. Brute force is two trials a
        layer (only it on integers, all but it) on every calibration sample. By default every sample is run once with all layers on
        integers; then each layer is measured on a few samples, chosen with a chance that grows with the error they showed, and weighed
        against it. How many is what a tenth of brute force's model runs allow, and at least 8.

        Made by one command, on {MachineFacts.Processor} ({Environment.ProcessorCount} cores), ONNX Runtime {ModelSession.RuntimeVersion}:

        ```
        dotnet run -c Release --project bench -- sensitivity --write docs/sensitivity.md
        ```

        The way samples are weighed was chosen among several on these same eight models, so the correlations flatter it; on the OCR anchor, where
        other draws of 8 samples gave 0.91 on average, most of all. The ranking by relief ("all but it") is not that good at this cost.

        "Correlation" is Spearman's, of the ranking by "only this" with brute force's on all samples. "Halves" is that of brute force on
        one half of the samples with brute force on the other: where that is low, there is no ranking to be found that well. Times include
        opening a session a trial, which does not get cheaper with fewer samples.

        | anchor | layers | samples | a layer on | correlation | halves | model runs | time, of both ways | of "only this" alone |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |

        """);
}
