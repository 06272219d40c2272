using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Objectives;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// Which objective ranks configurations like the task metric does? For every anchor some two dozen configurations (every
/// range estimator; prefixes of two orders), each judged by every objective and by the task on the evaluation data;
/// Spearman's rank correlation with what the task metric falls.
/// </summary>
internal static class ObjectivesBench
{
    private static readonly IObjective[] Objectives = [.. SearchObjectives.All.Where(o => o.Name != "task")];

    public static int Run(int samples, string[] names)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        Console.WriteLine($"| anchor | samples | configurations | task metric falls by | {string.Join(" | ", Objectives.Select(o => o.Name))} |");
        Console.WriteLine($"| --- | --- | --- | --- |{string.Concat(Objectives.Select(_ => " --- |"))}");
        foreach ((string name, string model) in AnchorModels.Of(names))
            Console.WriteLine(Row(name, anchors, model, samples));
        return 0;
    }

    private static string Row(string name, string anchors, string model, int most)
    {
        string path = Path.Combine(anchors, "models", model + ".onnx");
        using ScratchFolder scratch = new();
        using JobSources sources = JobSources.Open(path, Path.Combine(anchors, "cases", name + ".calib.json"), AnchorResults.EvaluationOf(name, anchors, scratch.Path), new JobSettings());
        OnnxModel prepared = Preparer.Prepare(OnnxModel.Load(path), sources.Data.Read(0), new PreparationSettings()).Model;
        Trial[] trials = [.. Trials(prepared, sources.Data)];
        int[] samples = SampleSplit.Scatter(sources.Evaluation.Count, most);
        WholeModelError error = new(prepared, sources.Evaluation, samples, 0, sources.Task);
        SampleError[][][] raw = [.. trials.Select(t => error.MeasureRaw(t.Emit(prepared), default))];
        double[] falls = [.. raw.Select(r => new TaskLoss().Errors(r).Average())];
        string[] cells = [.. Objectives.Select(o => RankCorrelation.Spearman(falls, [.. raw.Select(r => o.Errors(r).Average())]).ToString("0.00", CultureInfo.InvariantCulture))];
        return string.Create(CultureInfo.InvariantCulture, $"| {name} | {samples.Length} | {trials.Length} | {falls.Min():0.###} to {falls.Max():0.###} {sources.Task!.DropUnit} | {string.Join(" | ", cells)} |");
    }

    private static IEnumerable<Trial> Trials(OnnxModel prepared, IDataset data)
    {
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, data.Read(0));
        QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
        TapRequest[] taps = [.. plan.Points.Select(p => new TapRequest(p.Tensor))];
        CalibrationStatistics statistics;
        using (ModelSession tapped = Calibrator.OpenTapped(prepared, taps, 1))
            statistics = Calibrator.Calibrate(tapped, taps, data, new CalibrationSettings { MaxSamples = 48 }, null, default);
        List<Trial> trials = [];
        foreach (bool perChannel in (bool[])[true, false])
        {
            TrialBuilder builder = new(prepared, shapes, plan, new RangeTable(statistics, new RangeSettings { PerChannel = perChannel }));
            foreach (RangeCandidate range in builder.Ranges.Estimators)
                trials.Add(builder.Build(plan.Points.Aggregate(builder.All(), (c, p) => c.WithRange(p.Tensor, range))));
            for (int i = 1; i <= 6; i++)
            {
                int count = Math.Max(1, plan.Layers.Count * i / 7);
                trials.Add(builder.BuildOnly(plan.Layers.Take(count).Select(l => l.Id)));
                trials.Add(builder.BuildOnly(plan.Layers.TakeLast(count).Select(l => l.Id)));
            }
        }

        return trials.DistinctBy(t => t.Key);
    }
}
