using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Reporting;
using QuantCluster.Search.Frontier;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>The values of a finished job, told as a <see cref="Report"/>.</summary>
internal sealed record JobReport(
    JobSpecification Job,
    IReadOnlyList<RewriteReport> Rewrites,
    Graph Graph,
    QuantizationPlan Plan,
    CalibrationStatistics Statistics,
    IReadOnlyDictionary<string, string> Methods,
    QuantizationConfiguration Configuration,
    IReadOnlyList<CorrectionTrial> Trials,
    VerificationResult Verification,
    IReadOnlyList<GateVerdict> Gates,
    IReadOnlyList<string> Notes,
    IReadOnlyDictionary<string, double> Seconds)
{
    /// <summary>As the ranges were chosen, before any correction; null where nothing was corrected.</summary>
    public QuantizationConfiguration? Uncorrected { get; init; }

    /// <summary>What the search did; null where there was none.</summary>
    public SearchOutcome? Search { get; init; }

    /// <summary>Models between fastest and most accurate; null where none were made.</summary>
    public FrontierResult? Frontier { get; init; }

    /// <summary>Bars of a plot: as many as can be told apart on a page.</summary>
    private const int Bars = 80;

    public Report ToReport() => new()
    {
        Title = Path.GetFileNameWithoutExtension(Job.Output),
        ReferenceName = Path.GetFileName(Job.Model.Path),
        QuantizedName = Path.GetFileName(Job.Output),
        Verification = Verification,
        Gates = Gates,
        Warnings = Notes,
        Layers = Layers(),
        Histograms = [.. Plan.Points.Where(p => !Statistics.Tensors[p.Tensor].Histogram.IsEmpty && Configuration.Scalings.All(s => s.Tensor != p.Tensor)).Select(Histogram)],
        Corrections = [.. Trials.Select(t => new ReportedCorrection { Name = t.Name, Error = t.Error, IsKept = t.Kept })],
        Search = Search is null ? null : SearchReport.Of(Search, Verification),
        Rewrites = [.. Rewrites.Select(r => new ReportedRewrite { Name = r.Name, Count = r.Sites, IsKept = r.Kept, Note = r.Reason ?? "" })],
        Frontier = Frontier is null ? null : Frontier with { Sensitivity = [] },
        Sensitivity = Frontier?.Sensitivity ?? [],
        Settings = Settings(),
        Environment = ReportedEnvironment.Current(),
        Stages = [.. Seconds.Select(s => new ReportedStage(s.Key, s.Value))],
    };

    /// <summary>In the prepared graph's order: a layer's id is its compute node's output.</summary>
    private ReportedLayer[] Layers()
    {
        Dictionary<string, ReportedLayer> layers = Plan.Layers.ToDictionary(l => l.Id, Quantized);
        foreach (FloatLayer layer in Plan.FloatLayers)
            layers[layer.Id] = Float(layer);
        return [.. Graph.Nodes.SelectMany(n => n.Output).Where(layers.ContainsKey).Select(o => layers[o])];
    }

    private ReportedLayer Quantized(Layer layer) => new()
    {
        Name = layer.Node,
        Op = layer.Activation is null ? layer.OpType : $"{layer.OpType} + {layer.Activation}",
        Output = layer.Result,
        IsQuantized = true,
        Reason = Kind(layer),
        Weights = layer.Parameters,
    };

    /// <summary>How a layer runs, and what the corrections did to it, told from what they changed.</summary>
    private string Kind(Layer layer)
    {
        QuantizedWeight weight = Configuration.Weights[layer.Id];
        List<string> words = [weight.Type == IntegerType.Int4 ? "INT8 with INT4 weights" : "INT8"];
        if (Uncorrected?.Weights.GetValueOrDefault(layer.Id) is { } before)
        {
            if (!before.Scales.AsSpan().SequenceEqual(weight.Scales))
                words.Add("channels rescaled");
            else if (!before.Values.AsSpan().SequenceEqual(weight.Values))
                words.Add("Hessian-aware rounding");
        }

        if (Configuration.Biases.ContainsKey(layer.Id))
            words.Add("bias corrected");
        return string.Join(", ", words);
    }

    private ReportedLayer Float(FloatLayer layer) => new()
    {
        Name = layer.Node,
        Op = layer.OpType,
        Output = layer.Id,
        IsQuantized = false,
        IsWeightOnly = Configuration.WeightOnly.ContainsKey(layer.Id),
        Reason = Configuration.WeightOnly.ContainsKey(layer.Id) ? $"{layer.Reason}; its weights are stored as INT8" : layer.Reason,
        Weights = Configuration.WeightOnly.TryGetValue(layer.Id, out QuantizedWeight? stored) ? stored.Values.Length : 0,
    };

    private ReportedHistogram Histogram(QuantizationPoint point)
    {
        TensorStatistics statistics = Statistics.Tensors[point.Tensor];
        AffineMapping mapping = Configuration.Activations[point.Tensor];
        RealRange range = mapping.Representable;
        FloatHistogram histogram = statistics.Histogram;
        double outside = 0, all = 0;
        for (int i = 0; i < histogram.Counts.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            all += histogram.Counts[i];
            if (high < range.Minimum || low > range.Maximum)
                outside += histogram.Counts[i];
        }

        return new ReportedHistogram
        {
            Tensor = point.Tensor,
            Minimum = statistics.Minimum,
            Maximum = statistics.Maximum,
            RangeLow = range.Minimum,
            RangeHigh = range.Maximum,
            Method = Methods[point.Tensor],
            Type = mapping.Type.ToString().ToLowerInvariant(),
            Scale = mapping.Scale,
            ZeroPoint = mapping.ZeroPoint,
            Clipped = all == 0 ? 0 : outside / all,
            Bins = Rebin(histogram, statistics.Minimum, statistics.Maximum),
        };
    }

    /// <summary>Equal bars from least to greatest value; a bin goes where its middle is.</summary>
    private static ReportedBin[] Rebin(FloatHistogram histogram, double minimum, double maximum)
    {
        double width = (maximum - minimum) / Bars;
        if (width <= 0)
            return [new ReportedBin(minimum, maximum, histogram.Counts.ToArray().Sum(c => (double)c))];
        double[] counts = new double[Bars];
        for (int i = 0; i < histogram.Counts.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            counts[Math.Clamp((int)((((low + high) / 2) - minimum) / width), 0, Bars - 1)] += histogram.Counts[i];
        }

        return [.. counts.Select((c, i) => new ReportedBin(minimum + (i * width), minimum + ((i + 1) * width), c))];
    }

    private ReportedFact[] Settings() =>
    [
        new("model", Job.Model.Path),
        new("--data", Job.Data?.Path ?? string.Create(CultureInfo.InvariantCulture, $"--synthetic {Job.Settings.Synthetic}")),
        new("--eval", Job.Evaluation?.Path ?? "none"),
        new("--method", Job.Settings.Method.ToString().ToLowerInvariant()),
        new("--granularity", Job.Settings.Granularity.ToString().ToLowerInvariant()),
        new("--weight-range", Job.Settings.WeightRange.ToString().ToLowerInvariant()),
        new("--weights", Job.Settings.Weights.ToString().ToLowerInvariant()),
        new("--float-weights", Job.Settings.FloatWeights.ToString().ToLowerInvariant()),
        new("--tolerance", double.IsFinite(Job.Settings.TaskTolerance) ? string.Create(CultureInfo.InvariantCulture, $"{Job.Settings.TaskTolerance}%") : "none"),
        new("--correct", Job.Settings.Correct.ToString().ToLowerInvariant()),
        new("samples", Statistics.Samples.ToString(CultureInfo.InvariantCulture)),
    ];
}
