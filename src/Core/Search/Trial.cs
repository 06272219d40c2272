using System.Text;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Search;

/// <summary>A candidate to be judged as a whole model: what is quantized, and with which numbers.</summary>
public sealed class Trial
{
    private string? _key;

    public Trial(QuantizationPlan plan, QuantizationConfiguration configuration)
    {
        Plan = plan;
        Configuration = configuration;
    }

    /// <summary>The trial that is the float model.</summary>
    public static Trial OfNothing { get; } = new(
        new QuantizationPlan([], [], [], []),
        new QuantizationConfiguration(new Dictionary<string, AffineMapping>(), new Dictionary<string, QuantizedWeight>(), new Dictionary<string, float[]>()));

    public QuantizationPlan Plan { get; }

    public QuantizationConfiguration Configuration { get; }

    /// <summary>Ids of the layers that it tries something for; empty where it is about the whole model. Not what it is: no part of the key.</summary>
    public IReadOnlyList<string> Layers { get; private init; } = [];

    /// <summary>Hash of plan and configuration: with the prepared model they determine every byte of the candidate.</summary>
    public string Key => _key ??= ContentHash.Of(
        Encoding.UTF8.GetString(CanonicalJson.Serialize(Plan, StageJson.Default.QuantizationPlan)), Configuration.Hash());

    /// <summary>The same trial, as a candidate for what becomes of some layers.</summary>
    /// <param name="layers">Their ids.</param>
    public Trial About(params IReadOnlyList<string> layers) => new(Plan, Configuration) { _key = _key, Layers = layers };

    /// <summary>The candidate. One that quantizes nothing is the float model itself.</summary>
    public OnnxModel Emit(OnnxModel prepared) => Plan.Layers.Count == 0 ? prepared : Emitter.Emit(prepared, Plan, Configuration);
}
