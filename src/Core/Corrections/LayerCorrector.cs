using System.Collections.Concurrent;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>What is done to a layer.</summary>
[Flags]
public enum LayerCorrection
{
    None = 0,

    /// <summary>Its weights are rounded for the inputs it gets (<see cref="HessianRounding"/>), where its Hessian can be kept.</summary>
    Rounding = 1,

    /// <summary>Its bias makes its mean output the float model's, where it has or can have one at no cost.</summary>
    Bias = 2,
}

/// <summary>One layer after its correction.</summary>
/// <param name="Weight">As it was where nothing was rounded.</param>
/// <param name="Bias">One value an output channel; null where the layer keeps the bias it had.</param>
public sealed record CorrectedLayer(QuantizedWeight Weight, float[]? Bias);

/// <summary>
/// Corrects one layer under the error that is already there: the pure step that <see cref="SequentialBiasCorrection"/>
/// takes layer by layer in graph order, for those who go in another order. Its result depends on the arguments and the
/// evidence samples alone. Thread-safe.
/// </summary>
public sealed class LayerCorrector
{
    private readonly OnnxModel _prepared;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _samples;
    private readonly int _threads;
    private readonly QuantizationPlan _plan;
    private readonly FloatMeans _floatMeans;
    private readonly ConcurrentDictionary<string, Lazy<LayerCorrector>> _scaled = new();

    /// <param name="prepared">The float model.</param>
    /// <param name="plan">Of all layers that may ever be asked for; the plans of steps may have fewer.</param>
    /// <param name="samples">Indices of the evidence samples: a few dozen are enough.</param>
    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    public LayerCorrector(OnnxModel prepared, QuantizationPlan plan, IDataset data, IReadOnlyList<int> samples, int threads)
    {
        _prepared = prepared;
        _plan = plan;
        _data = data;
        _samples = samples;
        _threads = threads;
        _floatMeans = new FloatMeans(prepared, plan, data, samples, threads);
    }

    /// <summary>The same configuration with one layer's weights and bias corrected, as <see cref="Correct"/> gives them.</summary>
    public QuantizationConfiguration Apply(
        QuantizationPlan plan, QuantizationConfiguration configuration, string layer, LayerCorrection correction, CancellationToken cancellation)
    {
        CorrectedLayer corrected = Correct(plan, configuration, layer, correction, cancellation);
        return configuration with
        {
            Weights = new Dictionary<string, QuantizedWeight>(configuration.Weights) { [layer] = corrected.Weight },
            Biases = corrected.Bias is null ? configuration.Biases : new Dictionary<string, float[]>(configuration.Biases) { [layer] = corrected.Bias },
        };
    }

    /// <summary>
    /// Corrects one layer for the inputs that the model emitted from <paramref name="plan"/> and
    /// <paramref name="configuration"/> gives it: layers in front of it that are quantized there have made their errors,
    /// with the corrections they have in the configuration; those that are float have made none. What the
    /// configuration says of layers behind it plays no part. Costs one run of the model up to the layer for each
    /// evidence sample.
    /// </summary>
    /// <param name="plan">In which the layer runs on integers; others may be float (a step of a progressive search).</param>
    /// <param name="configuration">Made for the plan. The layer's scales in it are kept, its integers are what rounding betters.</param>
    /// <param name="layer">Id of a layer of the plan.</param>
    /// <exception cref="ArgumentException">The plan has no such layer.</exception>
    public CorrectedLayer Correct(
        QuantizationPlan plan, QuantizationConfiguration configuration, string layer, LayerCorrection correction, CancellationToken cancellation)
    {
        Layer found = plan.Layers.FirstOrDefault(l => l.Id == layer)
            ?? throw new ArgumentException($"the plan has no layer '{layer}'", nameof(layer));
        if (configuration.Scalings.Count > 0)
        {
            ScaledModel scaled = ScaledModel.Of(_prepared, plan, configuration);
            return OfScaled(configuration).Correct(scaled.Plan, scaled.Configuration, layer, correction, cancellation);
        }

        return Takes(found, correction)
            ? Correct(found, configuration, InputsOf(Emitter.Emit(_prepared, plan, StoredIntegers.Unpacked(configuration)), found, cancellation), correction, cancellation)
            : new CorrectedLayer(configuration.Weights[layer], null);
    }

    /// <summary>The corrector of the scaled model: its layers have other weights, and other means.</summary>
    private LayerCorrector OfScaled(QuantizationConfiguration configuration)
    {
        string key = ChannelScaling.Hash(configuration.Scalings);
        return _scaled.GetOrAdd(key, _ => new Lazy<LayerCorrector>(() =>
        {
            ScaledModel whole = ScaledModel.Of(_prepared, _plan, configuration);
            return new LayerCorrector(whole.Prepared, whole.Plan, _data, _samples, _threads);
        })).Value;
    }

    /// <summary>Whether there is anything of <paramref name="correction"/> to be done to a layer.</summary>
    internal bool Takes(Layer layer, LayerCorrection correction) => Rounds(layer, correction) || Centres(layer, correction);

    /// <param name="inputs">The layer's quantized input, one an evidence sample.</param>
    internal CorrectedLayer Correct(
        Layer layer, QuantizationConfiguration configuration, IReadOnlyList<DenseTensor> inputs, LayerCorrection correction, CancellationToken cancellation)
    {
        AffineMapping mapping = configuration.Activations[layer.Input];
        QuantizedWeight weight = configuration.Weights[layer.Id];
        bool centres = Centres(layer, correction);
        if (Rounds(layer, correction))
            weight = LayerRounding.Round(_prepared, layer, weight, inputs, mapping, centres, _threads);
        return new CorrectedLayer(weight, centres ? Centred(layer, weight, inputs, mapping, cancellation) : null);
    }

    /// <summary>The bias a layer has before any correction.</summary>
    internal float[] OwnBias(Layer layer) => layer.Bias is null
        ? new float[_prepared.Graph.Initializer(layer.Weight)!.Dims[layer.WeightAxis]]
        : _prepared.Graph.Initializer(layer.Bias)!.ToFloats();

    private bool Rounds(Layer layer, LayerCorrection correction) =>
        correction.HasFlag(LayerCorrection.Rounding) && LayerRounding.CanRound(_prepared, layer);

    private static bool Centres(Layer layer, LayerCorrection correction) =>
        correction.HasFlag(LayerCorrection.Bias) && SequentialBiasCorrection.CanCorrect(layer);

    private float[] Centred(Layer layer, QuantizedWeight weight, IReadOnlyList<DenseTensor> inputs, AffineMapping mapping, CancellationToken cancellation)
    {
        MeanInput quantized = new();
        foreach (DenseTensor input in inputs)
            quantized.Add(input.Shape, input.Bytes.Span, mapping);
        float[] values = LayerProduct.Dequantize(weight, _prepared.Graph.Initializer(layer.Weight)!.Dims);
        double[] means = LayerProduct.ChannelMeans(_prepared, layer, values, quantized.Means(mapping.Scale));
        double[] target = _floatMeans.Of(layer, cancellation);
        float[] bias = OwnBias(layer);
        for (int c = 0; c < bias.Length; c++)
            bias[c] = (float)(bias[c] + target[c] - means[c]);
        return bias;
    }

    /// <summary>Runs only what the layer's input depends on.</summary>
    private DenseTensor[] InputsOf(OnnxModel emitted, Layer layer, CancellationToken cancellation)
    {
        string tensor = Emitter.QuantizedName(layer.Input);
        HashSet<string> wanted = [tensor];
        List<NodeProto> piece = [];
        foreach (NodeProto node in emitted.Graph.Nodes.Reverse())
        {
            if (!node.Output.Any(wanted.Contains))
                continue;
            wanted.UnionWith(Subgraph.Reads(node));
            piece.Add(node);
        }

        piece.Reverse();
        Dictionary<string, ElementType> fed = emitted.Graph.RequiredInputs.Where(i => wanted.Contains(i.Name))
            .ToDictionary(i => i.Name, i => (ElementType)i.Type.TensorType.ElemType);
        using ModelSession session = ModelSession.Create(Subgraph.Cut(emitted, piece, fed, [tensor]), new SessionSettings());
        DenseTensor[] inputs = new DenseTensor[_samples.Count];
        EachSample.Run(inputs.Length, _threads, cancellation, s =>
        {
            Sample sample = _data.Read(_samples[s]);
            using RunResult result = session.Run(fed.Keys.ToDictionary(f => f, f => sample.Inputs[f]), [tensor]);
            inputs[s] = result.Copy(0);
        });
        return inputs;
    }
}
