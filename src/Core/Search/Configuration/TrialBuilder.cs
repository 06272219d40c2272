using System.Collections.Concurrent;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search.WeightOnly;

namespace QuantCluster.Search.Configuration;

/// <summary>Makes trials of configurations. Plans, ranges and weights are made once, however many trials share them. Thread-safe.</summary>
/// <param name="prepared">The float model.</param>
/// <param name="shapes">Every tensor's shape in one real run.</param>
/// <param name="plan">With every layer that may be quantized.</param>
/// <param name="ranges">What tensors' ranges can be.</param>
public sealed class TrialBuilder(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan, RangeTable ranges)
{
    private readonly ConcurrentDictionary<string, Lazy<QuantizationPlan>> _plans = new();
    private readonly ConcurrentDictionary<(string Layer, LayerChoice Choice, float InputScale), Lazy<QuantizedWeight>> _weights = new();

    public OnnxModel Prepared => prepared;

    public IReadOnlyDictionary<string, TensorShape> Shapes => shapes;

    public QuantizationPlan Plan => plan;

    public RangeTable Ranges => ranges;

    /// <summary>What a layer becomes on integers unless something else is chosen.</summary>
    public LayerChoice Standard { get; } = LayerChoice.StandardOf(ranges.Settings);

    /// <summary>Which float layers' weights can be stored as integers; those that were chosen and cannot stay float.</summary>
    internal StorableWeights Storable { get; init; } = new(prepared, []);

    /// <summary>The plan in which only these layers run on integers.</summary>
    public QuantizationPlan PlanOf(SearchConfiguration configuration)
    {
        string[] quantized = [.. configuration.Quantized];
        return _plans.GetOrAdd(
            string.Join('\n', quantized),
            _ => new Lazy<QuantizationPlan>(() => PartialPlan.Of(prepared, shapes, plan, quantized.ToHashSet()))).Value;
    }

    /// <summary>Only these layers on integers, as the settings ask for, with default ranges and nearest weights.</summary>
    /// <param name="layers">Ids of layers; none gives the float model.</param>
    public SearchConfiguration Only(IEnumerable<string> layers) => layers.Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l, Standard));

    /// <summary>Every layer on integers, as the settings ask for.</summary>
    public SearchConfiguration All() => Only(plan.Layers.Select(l => l.Id));

    /// <summary>The trial of <see cref="Only"/>.</summary>
    /// <param name="layers">Ids of layers; none gives the float model.</param>
    public Trial BuildOnly(IEnumerable<string> layers) => Build(Only(layers));

    public Trial Build(SearchConfiguration configuration)
    {
        QuantizationPlan part = PlanOf(configuration);
        Dictionary<string, AffineMapping> activations = Mappings(part, configuration);
        Dictionary<string, QuantizedWeight> weights = [];
        Dictionary<string, float[]> biases = [];
        foreach (Layer layer in part.Layers)
        {
            LayerChoice choice = configuration.Layer(layer.Id);
            weights[layer.Id] = choice.Corrected?.Weight ?? WeightOf(layer, choice, activations[layer.Input].Scale);
            if (choice.Corrected?.Bias is { } bias)
                biases[layer.Id] = bias;
        }

        return new Trial(part, new QuantizationConfiguration(activations, weights, biases) { WeightOnly = Stored(part, configuration) });
    }

    /// <summary>The estimators that chose the ranges of the plan's points, for people.</summary>
    public Dictionary<string, string> Methods(SearchConfiguration configuration) =>
        Choices(PlanOf(configuration), configuration).ToDictionary(c => c.Key, c => c.Value.Method);

    /// <summary>The mapping of every point of a plan.</summary>
    public Dictionary<string, AffineMapping> Mappings(QuantizationPlan part, SearchConfiguration configuration)
    {
        Dictionary<string, AffineMapping> mappings = Choices(part, configuration).ToDictionary(c => c.Key, c => c.Value.Mapping);
        foreach ((string tensor, AffineMapping mapping) in ranges.Given)
        {
            if (mappings.ContainsKey(tensor) && (configuration.Range(tensor) ?? RangeCandidate.Given) == RangeCandidate.Given)
                mappings[tensor] = mapping;
        }

        return mappings;
    }

    private IReadOnlyDictionary<string, ActivationChoice> Choices(QuantizationPlan part, SearchConfiguration configuration) =>
        RangeSelection.ShareInGroups(part, p => ranges.RangeOf(p, configuration.Range(p.Tensor) ?? ranges.DefaultOf(p.Tensor)), ranges.Settings);

    private QuantizedWeight WeightOf(Layer layer, LayerChoice choice, float inputScale) => _weights.GetOrAdd((layer.Id, choice, inputScale),
        _ => new Lazy<QuantizedWeight>(() => RangeSelection.ChooseWeight(prepared, layer, inputScale, choice.Applied(ranges.Settings)))).Value;

    private Dictionary<string, QuantizedWeight> Stored(QuantizationPlan part, SearchConfiguration configuration)
    {
        Dictionary<string, QuantizedWeight> stored = [];
        foreach (string layer in configuration.WeightOnly)
        {
            // A weight that others read too is stored for all of them, or not at all.
            LayerChoice choice = configuration.Layer(layer);
            if (Storable.Of(part, layer, choice.Granularity) is { } weight
                && prepared.Graph.Consumers(prepared.Graph.Producer(layer)!.Input[1]).All(c => configuration.Layer(c.Output[0]) == choice))
                stored[layer] = weight.Weight;
        }

        return stored;
    }
}
