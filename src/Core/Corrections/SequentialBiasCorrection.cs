using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
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
    private readonly Dictionary<string, double[]> _floatMeans = [];

    /// <param name="samples">Indices of the samples the means are taken over: a few dozen are enough.</param>
    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    public SequentialBiasCorrection(OnnxModel prepared, QuantizationPlan plan, IDataset data, IReadOnlyList<int> samples, int threads)
    {
        _prepared = prepared;
        _plan = plan;
        _data = data;
        _samples = samples;
        _threads = threads;
    }

    /// <summary>Whether a layer has, or can be given, a bias at no cost: a MatMul without one would need an Add.</summary>
    public static bool CanCorrect(Layer layer) => layer.OpType != "MatMul" || layer.Bias is not null;

    /// <summary>
    /// Corrects the layers of <paramref name="layers"/> (ids) and leaves the others' biases as they are in
    /// <paramref name="configuration"/>.
    /// </summary>
    /// <param name="rounding">
    /// Whether each layer's weights are rounded anew first, for the inputs it gets (<see cref="HessianRounding"/>).
    /// </param>
    public QuantizationConfiguration Correct(
        QuantizationConfiguration configuration, IReadOnlySet<string> layers, bool rounding, CancellationToken cancellation)
    {
        if (!_plan.Layers.Any(l => layers.Contains(l.Id) && (rounding || CanCorrect(l))))
            return configuration;
        if (_floatMeans.Count == 0)
            MeasureFloatMeans(cancellation);
        Dictionary<string, float[]> biases = new(configuration.Biases);
        foreach (Layer layer in _plan.Layers.Where(l => layers.Contains(l.Id) && CanCorrect(l)))
            biases[layer.Id] = configuration.Biases.GetValueOrDefault(layer.Id) ?? OwnBias(layer);

        Dictionary<string, QuantizedWeight> weights = new(configuration.Weights);
        OnnxModel emitted = Emitter.Emit(_prepared, _plan, configuration with { Biases = biases });
        QuantizedWalk walk = new(emitted, _data, _samples, _threads);
        foreach (Layer layer in _plan.Layers)
        {
            bool round = rounding && LayerRounding.CanRound(_prepared, layer);
            if (!layers.Contains(layer.Id) || !(round || CanCorrect(layer)))
                continue;
            AffineMapping mapping = configuration.Activations[layer.Input];
            IReadOnlyList<DenseTensor> inputs = walk.AdvanceTo(layer.Id, Emitter.QuantizedName(layer.Input), cancellation);
            QuantizedWeight weight = weights[layer.Id];
            if (round)
            {
                weight = LayerRounding.Round(_prepared, layer, weight, inputs, mapping, CanCorrect(layer), _threads);
                weights[layer.Id] = weight;
                Patch(emitted, layer, weight);
            }

            if (!CanCorrect(layer))
                continue;
            MeanInput quantized = new();
            foreach (DenseTensor input in inputs)
                quantized.Add(input.Shape, input.Bytes.Span, mapping);
            float[] values = LayerProduct.Dequantize(weight, _prepared.Graph.Initializer(layer.Weight)!.Dims);
            double[] means = LayerProduct.ChannelMeans(_prepared, layer, values, quantized.Means(mapping.Scale));
            double[] target = _floatMeans[layer.Id];
            float[] bias = biases[layer.Id], own = OwnBias(layer);
            float[] corrected = new float[bias.Length];
            for (int c = 0; c < bias.Length; c++)
                corrected[c] = (float)(own[c] + target[c] - means[c]);
            biases[layer.Id] = corrected;
            Patch(emitted, layer, configuration, corrected);
        }

        return configuration with { Biases = biases, Weights = weights };
    }

    private float[] OwnBias(Layer layer) => layer.Bias is null
        ? new float[_prepared.Graph.Initializer(layer.Weight)!.Dims[layer.WeightAxis]]
        : _prepared.Graph.Initializer(layer.Bias)!.ToFloats();

    /// <summary>One pass of the float model for all layers; each layer's mean output follows from its mean input.</summary>
    private void MeasureFloatMeans(CancellationToken cancellation)
    {
        Layer[] corrected = [.. _plan.Layers.Where(CanCorrect)];
        string[] inputs = [.. corrected.Select(l => l.Input).Distinct()];
        Dictionary<string, MeanInput> sums = inputs.ToDictionary(i => i, _ => new MeanInput());
        string[] tapped = [.. inputs.Where(i => _prepared.Graph.Producer(i) is not null)];
        using (ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(_prepared, tapped), new SessionSettings()))
        {
            // Some samples side by side, then their sums in the samples' order.
            foreach (int[] some in _samples.Chunk(EachSample.AtOnce(_threads)))
            {
                Sample[] samples = new Sample[some.Length];
                RunResult?[] results = new RunResult?[some.Length];
                try
                {
                    EachSample.Run(some.Length, _threads, cancellation, i =>
                    {
                        samples[i] = _data.Read(some[i]);
                        results[i] = tapped.Length > 0 ? session.Run(samples[i], tapped) : null;
                    });
                    EachSample.Run(inputs.Length, _threads, cancellation, i => AddTo(sums[inputs[i]], inputs[i], Array.IndexOf(tapped, inputs[i]), samples, results));
                }
                finally
                {
                    foreach (RunResult? result in results)
                        result?.Dispose();
                }
            }
        }

        foreach (Layer layer in corrected)
        {
            float[] weight = _prepared.Graph.Initializer(layer.Weight)!.ToFloats();
            _floatMeans[layer.Id] = LayerProduct.ChannelMeans(_prepared, layer, weight, sums[layer.Input].Means());
        }
    }

    private static void AddTo(MeanInput sum, string input, int tap, Sample[] samples, RunResult?[] results)
    {
        for (int i = 0; i < samples.Length; i++)
        {
            if (tap >= 0)
                sum.Add(results[i]!.ShapeOf(tap), results[i]!.Floats(tap));
            else
                sum.Add(samples[i].Inputs[input].Shape, samples[i].Inputs[input].Floats);
        }
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
