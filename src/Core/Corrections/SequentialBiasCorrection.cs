using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>
/// Re-centres each layer: its bias is shifted so that its mean output <em>on inputs that are already quantized and
/// corrected</em> equals the float model's mean output (Nagel et al. 2019, "Data-Free Quantization Through Weight
/// Equalization and Bias Correction", section 4.2, with measured instead of derived means). Layers go in graph order:
/// corrected independently of each other they over-correct.
/// </summary>
public sealed class SequentialBiasCorrection
{
    private readonly OnnxModel _prepared;
    private readonly QuantizationPlan _plan;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _samples;
    private readonly int _threads;
    private readonly LayerCorrector _step;

    /// <param name="samples">Indices of the samples the means are taken over: a few dozen are enough.</param>
    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    public SequentialBiasCorrection(OnnxModel prepared, QuantizationPlan plan, IDataset data, IReadOnlyList<int> samples, int threads)
        : this(prepared, plan, data, samples, threads, new LayerCorrector(prepared, plan, data, samples, threads))
    {
    }

    /// <param name="step">Made for the same model and samples, and for every layer of the plan: what it knows of the float model is not measured again.</param>
    internal SequentialBiasCorrection(
        OnnxModel prepared, QuantizationPlan plan, IDataset data, IReadOnlyList<int> samples, int threads, LayerCorrector step)
    {
        _prepared = prepared;
        _plan = plan;
        _data = data;
        _samples = samples;
        _threads = threads;
        _step = step;
    }

    /// <summary>Whether a layer has, or can be given, a bias at no cost: a MatMul without one would need an Add.</summary>
    public static bool CanCorrect(Layer layer) => layer.OpType != "MatMul" || layer.Bias is not null;

    /// <summary>
    /// Corrects the layers of <paramref name="layers"/> (ids) and leaves the others' biases as they are in
    /// <paramref name="configuration"/>.
    /// </summary>
    /// <param name="correction">
    /// What is done to each layer. With rounding, its weights are first rounded anew for the inputs it gets (<see cref="HessianRounding"/>);
    /// rounding alone makes up for the whole of a mean error with integers.
    /// </param>
    public QuantizationConfiguration Correct(
        QuantizationConfiguration configuration, IReadOnlySet<string> layers, LayerCorrection correction, CancellationToken cancellation)
    {
        if (configuration.Scalings.Count > 0)
        {
            ScaledModel scaled = ScaledModel.Of(_prepared, _plan, configuration);
            QuantizationConfiguration corrected = new SequentialBiasCorrection(scaled.Prepared, scaled.Plan, _data, _samples, _threads)
                .Correct(scaled.Configuration, layers, correction, cancellation);
            return configuration with { Biases = corrected.Biases, Weights = corrected.Weights };
        }

        Layer[] taken = [.. _plan.Layers.Where(l => layers.Contains(l.Id) && _step.Takes(l, correction))];
        if (taken.Length == 0)
            return configuration;
        Dictionary<string, float[]> biases = new(configuration.Biases);
        foreach (Layer layer in taken.Where(l => correction.HasFlag(LayerCorrection.Bias) && CanCorrect(l)))
            biases[layer.Id] = configuration.Biases.GetValueOrDefault(layer.Id) ?? _step.OwnBias(layer);

        Dictionary<string, QuantizedWeight> weights = new(configuration.Weights);
        OnnxModel emitted = Emitter.Emit(_prepared, _plan, StoredIntegers.Unpacked(configuration with { Biases = biases }));
        QuantizedWalk walk = new(emitted, _data, _samples, _threads);
        foreach (Layer layer in taken)
        {
            IReadOnlyList<DenseTensor> inputs = walk.AdvanceTo(layer.Id, Emitter.QuantizedName(layer.Input), cancellation);
            CorrectedLayer corrected = _step.Correct(layer, configuration, inputs, correction, cancellation);
            if (corrected.Weight != weights[layer.Id])
            {
                weights[layer.Id] = corrected.Weight;
                Patch(emitted, layer, corrected.Weight);
            }

            if (corrected.Bias is { } bias)
            {
                biases[layer.Id] = bias;
                Patch(emitted, layer, configuration, bias);
            }
        }

        return configuration with { Biases = biases, Weights = weights };
    }

    /// <summary>Puts a layer's integers into the emitted model before the walk runs it.</summary>
    private void Patch(OnnxModel emitted, Layer layer, QuantizedWeight weight) =>
        emitted.Graph.Initializer(Emitter.WeightName(_plan, layer))!.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<sbyte>(weight.Values));

    /// <summary>Puts a corrected bias into the emitted model before the walk runs the layer.</summary>
    private static void Patch(OnnxModel emitted, Layer layer, QuantizationConfiguration configuration, float[] bias)
    {
        if (layer.OpType == "MatMul")
        {
            NodeProto add = emitted.Graph.Producer(layer.Result)!;
            TensorProto tensor = emitted.Graph.Initializer(add.Input.First(i => emitted.Graph.Initializer(i) is not null))!;
            tensor.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(bias));
            return;
        }

        float[] scales = QuantizedBias.Scales(configuration.Activations[layer.Input].Scale, configuration.Weights[layer.Id].Scales);
        TensorProto integers = emitted.Graph.Initializer(layer.Id + "_bias_quantized")!;
        integers.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<int>(QuantizedBias.Quantize(bias, scales)));
    }
}
