using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>A layer's convolution or matrix product alone, without bias and activation.</summary>
internal static class LayerProduct
{
    /// <summary>
    /// Mean over samples and positions of each output channel, for a weight and the mean of its inputs.
    /// </summary>
    public static double[] ChannelMeans(OnnxModel prepared, Layer layer, float[] weight, IEnumerable<(DenseTensor Mean, long Samples)> inputs)
    {
        NodeProto node = prepared.Graph.Producer(layer.Id)!.Clone();
        while (node.Input.Count > 2)
            node.Input.RemoveAt(2);
        node.Input[0] = "x";
        node.Input[1] = "w";
        TensorProto original = prepared.Graph.Initializer(layer.Weight)!;
        OnnxModel product = Subgraph.Cut(prepared, [node], new Dictionary<string, ElementType> { ["x"] = ElementType.Float }, [layer.Id]);
        product.Graph.Proto.Initializer.Add(Tensors.FromFloats("w", original.Dims, weight));
        product.Graph.Reindex();

        double[]? sums = null;
        double positions = 0;
        using ModelSession session = ModelSession.Create(product, new SessionSettings());
        foreach ((DenseTensor mean, long samples) in inputs)
        {
            using RunResult result = session.Run(new Dictionary<string, DenseTensor> { ["x"] = mean });
            ReadOnlySpan<float> values = result.Floats(0);
            long[] shape = result.ShapeOf(0);
            int channelAxis = layer.OpType == "Conv" ? 1 : shape.Length - 1;
            int channels = (int)shape[channelAxis];
            int inner = (int)shape.Skip(channelAxis + 1).Aggregate(1L, (n, d) => n * d);
            sums ??= new double[channels];
            for (int i = 0; i < values.Length; i++)
                sums[i / inner % channels] += (double)values[i] * samples;
            positions += (double)(values.Length / channels) * samples;
        }

        return [.. sums!.Select(s => s / positions)];
    }

    /// <summary>The floats a quantized weight stands for.</summary>
    public static float[] Dequantize(QuantizedWeight weight, IReadOnlyList<long> shape)
    {
        float[] values = new float[weight.Values.Length];
        int axis = Math.Max(weight.Axis, 0);
        long inner = 1;
        for (int i = axis + 1; i < shape.Count; i++)
            inner *= shape[i];
        for (int i = 0; i < values.Length; i++)
            values[i] = weight.Values[i] * weight.Scales[weight.Axis < 0 ? 0 : (int)(i / inner % weight.Scales.Length)];
        return values;
    }
}
