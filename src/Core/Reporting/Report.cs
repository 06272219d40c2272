using QuantCluster.Search.Frontier;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Verification;

namespace QuantCluster.Reporting;

/// <summary>
/// All that is told about one quantized model. <see cref="JsonReport"/> and <see cref="HtmlReport"/> write it; both are
/// functions of it alone. Lists that are empty leave their section out.
/// </summary>
public sealed record Report
{
    /// <summary>Raised when a field changes its meaning or goes; new fields do not raise it.</summary>
    public int SchemaVersion => 1;

    /// <summary>What the model is called, e.g. its file name without extension.</summary>
    public required string Title { get; init; }

    /// <summary>File name of the float model.</summary>
    public required string ReferenceName { get; init; }

    /// <summary>File name of the quantized model.</summary>
    public required string QuantizedName { get; init; }

    public required VerificationResult Verification { get; init; }

    /// <summary>Gates that were asked for.</summary>
    public IReadOnlyList<GateVerdict> Gates { get; init; } = [];

    /// <summary>What a reader must know before believing the rest, e.g. that the data were synthetic.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>In graph order.</summary>
    public IReadOnlyList<ReportedLayer> Layers { get; init; } = [];

    /// <summary>In graph order.</summary>
    public IReadOnlyList<ReportedHistogram> Histograms { get; init; } = [];

    public IReadOnlyList<ReportedRewrite> Rewrites { get; init; } = [];

    /// <summary>Corrections that were judged, in turn; the first is none.</summary>
    public IReadOnlyList<ReportedCorrection> Corrections { get; init; } = [];

    /// <summary>What the search did; null where there was none.</summary>
    public ReportedSearch? Search { get; init; }

    /// <summary>What each layer costs the whole model; empty where it was not measured.</summary>
    public IReadOnlyList<LayerSensitivity> Sensitivity { get; init; } = [];

    /// <summary>Models between fastest and most accurate; null where none were made.</summary>
    public FrontierResult? Frontier { get; init; }

    /// <summary>Name and value, as one would write them on the command line.</summary>
    public IReadOnlyList<ReportedFact> Settings { get; init; } = [];

    /// <summary>What it was measured on; see <see cref="ReportedEnvironment.Current"/>.</summary>
    public IReadOnlyList<ReportedFact> Environment { get; init; } = [];

    /// <summary>In the order they ran.</summary>
    public IReadOnlyList<ReportedStage> Stages { get; init; } = [];
}

/// <summary>A name and its value.</summary>
public sealed record ReportedFact(string Name, string Value);

/// <summary>How long a stage took.</summary>
public sealed record ReportedStage(string Name, double Seconds);

/// <summary>A layer and what became of it.</summary>
public sealed record ReportedLayer
{
    /// <summary>Name of the layer's compute node.</summary>
    public required string Name { get; init; }

    /// <summary>Its op, with the fused activation if any, e.g. <c>Conv + Relu</c>.</summary>
    public required string Op { get; init; }

    /// <summary>The tensor it makes; the profile's error is looked up by it.</summary>
    public required string Output { get; init; }

    public required bool IsQuantized { get; init; }

    /// <summary>Whether it computes in float from weights that are stored as integers.</summary>
    public bool IsWeightOnly { get; init; }

    /// <summary>Why it stayed float, or how it is quantized, in a few words.</summary>
    public required string Reason { get; init; }

    /// <summary>Number of weights; 0 where it has none.</summary>
    public long Weights { get; init; }
}

/// <summary>An exact rewrite of the graph before quantization.</summary>
public sealed record ReportedRewrite
{
    public required string Name { get; init; }

    /// <summary>How often it applied.</summary>
    public required int Count { get; init; }

    /// <summary>False where it was taken back because the model's results changed.</summary>
    public bool IsKept { get; init; } = true;

    /// <summary>Anything worth adding, e.g. the largest relative difference found.</summary>
    public string Note { get; init; } = "";
}

/// <summary>A correction that was tried, and how the whole model did with it.</summary>
public sealed record ReportedCorrection
{
    /// <summary>What was corrected.</summary>
    public required string Name { get; init; }

    /// <summary>Mean error of the whole model on the calibration samples held back for judging; smaller is better.</summary>
    public required double Error { get; init; }

    /// <summary>Whether it became the best so far.</summary>
    public required bool IsKept { get; init; }
}

/// <summary>The values a tensor took on the calibration data, and the range that was chosen for it.</summary>
public sealed record ReportedHistogram
{
    public required string Tensor { get; init; }

    /// <summary>Least value seen.</summary>
    public required double Minimum { get; init; }

    /// <summary>Greatest value seen.</summary>
    public required double Maximum { get; init; }

    /// <summary>The real value the least integer stands for.</summary>
    public required double RangeLow { get; init; }

    /// <summary>The real value the greatest integer stands for.</summary>
    public required double RangeHigh { get; init; }

    /// <summary>The estimator that chose the range.</summary>
    public required string Method { get; init; }

    /// <summary>The integer type, e.g. <c>uint8</c>.</summary>
    public required string Type { get; init; }

    public required double Scale { get; init; }

    public required int ZeroPoint { get; init; }

    /// <summary>Share of the values outside the range, 0 to 1.</summary>
    public required double Clipped { get; init; }

    /// <summary>Ascending and disjoint; widths may differ.</summary>
    public required IReadOnlyList<ReportedBin> Bins { get; init; }
}
