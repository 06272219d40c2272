using System.Text.Json.Serialization;
using QuantCluster.Onnx;
using QuantCluster.Verification;

namespace QuantCluster.Search.Sensitivity;

/// <summary>Every quantized layer's sensitivity, and what it was measured on. Orders of the search read it.</summary>
public sealed record SensitivityResult
{
    /// <summary>What the file says it is.</summary>
    public const string CurrentFormat = "quantcluster.sensitivity/1";

    public string Format { get; init; } = CurrentFormat;

    /// <summary>Absolute path of the float model.</summary>
    public required string Model { get; init; }

    /// <summary>Hash of the float model: a result of another model says nothing of this one.</summary>
    public required string ModelSha256 { get; init; }

    /// <summary>Absolute path of the data; null for synthetic ones.</summary>
    public string? Data { get; init; }

    /// <summary>How the mappings of activations were chosen.</summary>
    public required string Method { get; init; }

    /// <summary><c>channel</c> or <c>tensor</c>: what one scale of a weight is for.</summary>
    public required string Granularity { get; init; }

    /// <summary>What the errors are: <c>kl</c> in nats, <c>relative-squared</c>, or <c>mixed</c>, their sum over outputs.</summary>
    public required string Measure { get; init; }

    /// <summary>Indices of the samples that trials were judged on.</summary>
    public required IReadOnlyList<int> Samples { get; init; }

    /// <summary>What each of them counts for: 1 where all were chosen alike, less where a sample was chosen for the error it shows.</summary>
    public IReadOnlyList<double> Weights { get; init; } = [];

    /// <summary>Mean error with all layers quantized.</summary>
    public required double AllQuantized { get; init; }

    public required double AllQuantizedStandardError { get; init; }

    /// <summary>In graph order.</summary>
    public required IReadOnlyList<LayerSensitivity> Layers { get; init; }

    /// <summary>Where time goes; null where it was not asked for. It differs from run to run, as time does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LatencyProfile? Latency { get; init; }

    /// <summary>
    /// Spearman's rank correlation of <see cref="LayerSensitivity.OnlyThis"/> and <see cref="LayerSensitivity.Relief"/>:
    /// whether both ends see the same layers as costly. Null where there are no two layers to rank.
    /// </summary>
    public double? Agreement
    {
        get
        {
            double spearman = RankCorrelation.Spearman([.. Layers.Select(l => l.OnlyThis)], [.. Layers.Select(l => l.Relief)]);
            return double.IsNaN(spearman) ? null : spearman;
        }
    }

    internal static string MeasureOf(OnnxModel model)
    {
        OutputKind[] kinds = [.. OutputKinds.Of(model).Values];
        return kinds.All(k => k != OutputKind.Values) ? "kl" : kinds.All(k => k == OutputKind.Values) ? "relative-squared" : "mixed";
    }
}
