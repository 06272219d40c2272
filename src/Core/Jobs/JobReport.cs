using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Reporting;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>The values of a finished job, told as a <see cref="Report"/>.</summary>
internal sealed record JobReport(
    JobSpecification Job,
    IReadOnlyList<RewriteReport> Rewrites,
    QuantizationPlan Plan,
    CalibrationStatistics Statistics,
    QuantizationConfiguration Configuration,
    VerificationResult Verification,
    IReadOnlyList<GateVerdict> Gates,
    IReadOnlyList<string> Notes,
    IReadOnlyDictionary<string, double> Seconds)
{
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
        Layers = [.. Plan.Layers.Select(Quantized), .. Plan.FloatLayers.Select(Float)],
        Histograms = [.. Plan.Points.Where(p => !Statistics.Tensors[p.Tensor].Histogram.IsEmpty).Select(Histogram)],
        Rewrites = [.. Rewrites.Select(r => new ReportedRewrite { Name = r.Name, Count = r.Sites, IsKept = r.Kept, Note = r.Reason ?? "" })],
        Settings = Settings(),
        Environment = ReportedEnvironment.Current(),
        Stages = [.. Seconds.Select(s => new ReportedStage(s.Key, s.Value))],
    };

    private ReportedLayer Quantized(Layer layer) => new()
    {
        Name = layer.Node,
        Op = layer.Activation is null ? layer.OpType : $"{layer.OpType} + {layer.Activation}",
        Output = layer.Result,
        IsQuantized = true,
        Reason = Configuration.Biases.ContainsKey(layer.Id) ? "INT8, bias corrected" : "INT8",
        Weights = layer.Parameters,
    };

    private static ReportedLayer Float(FloatLayer layer) => new()
    {
        Name = layer.Node,
        Op = layer.OpType,
        Output = layer.Id,
        IsQuantized = false,
        Reason = layer.Reason,
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
            Method = Job.Settings.Method.ToString().ToLowerInvariant(),
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
        new("--correct", Job.Settings.Correct.ToString().ToLowerInvariant()),
        new("samples", Statistics.Samples.ToString(CultureInfo.InvariantCulture)),
    ];
}
