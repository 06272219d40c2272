using System.Numerics.Tensors;
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
/// Cross-layer equalization where it is free (Nagel et al. 2019, section 4.1, for activations): between a convolution
/// and the depthwise convolution that alone reads it, each channel is scaled up to use the whole range of the tensor's
/// integers. Both have a weight scale for each channel, which takes up the factor exactly: no weight's integer changes.
/// A Clip between them stays as it is: a channel is scaled only as far as its greatest value is not clipped.
/// A configuration made for the scaled model belongs to the plan it was made for: were one layer of a pair made float,
/// the other's factors would remain.
/// </summary>
internal sealed class ChannelEqualization
{
    /// <summary>Beyond, a channel that was seen to be small would be cut as soon as it is not.</summary>
    private const double LargestFactor = 16;

    /// <summary>Room for values beyond those seen: with none, unseen samples are cut and lose more than is gained.</summary>
    private const double Margin = 1.25;

    private readonly IReadOnlyList<Scaling> _scalings;

    private ChannelEqualization(IReadOnlyList<Scaling> scalings) => _scalings = scalings;

    /// <summary>Pairs of layers that are scaled.</summary>
    public int Pairs => _scalings.Count;

    /// <summary>Whether there is any pair that can be scaled.</summary>
    public static bool HasPairs(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration) =>
        FindPairs(prepared, plan, configuration).Any();

    /// <summary>Factors from the greatest value of each channel over some samples of the float model.</summary>
    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    public static ChannelEqualization Measure(
        OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration, IDataset data, IReadOnlyList<int> samples, int threads, CancellationToken cancellation)
    {
        (Layer First, Layer Second)[] pairs = [.. FindPairs(prepared, plan, configuration)];
        if (pairs.Length == 0)
            return new ChannelEqualization([]);
        string[] tensors = [.. pairs.Select(p => p.First.Result)];
        (float Least, float Greatest)[][] ends = [.. pairs.Select(p => new (float, float)[configuration.Weights[p.First.Id].Scales.Length])];
        using ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(prepared, tensors), new SessionSettings());
        EachSample.Run(samples.Count, threads, cancellation, s =>
        {
            using RunResult result = session.Run(data.Read(samples[s]), tensors);
            for (int t = 0; t < tensors.Length; t++)
            {
                lock (ends[t])
                    Extend(ends[t], result.Floats(t), result.ShapeOf(t));
            }
        });
        return new ChannelEqualization([.. pairs.Select((p, i) => Scale(prepared, configuration, p.First, p.Second, ends[i]))]);
    }

    /// <summary>The float model with scaled weights and biases: the same outputs on the samples that were measured.</summary>
    public OnnxModel Apply(OnnxModel prepared)
    {
        OnnxModel scaled = prepared.Clone();
        foreach (Scaling scaling in _scalings)
        {
            Multiply(scaled, scaling.First.Weight, scaling.Factors);
            if (scaling.First.Bias is { } bias)
                Multiply(scaled, bias, scaling.Factors);
            Multiply(scaled, scaling.Second.Weight, scaling.Inverse);
        }

        return scaled;
    }

    /// <summary>The same integers for the scaled model. Nothing has been corrected yet.</summary>
    public QuantizationConfiguration Apply(QuantizationConfiguration configuration)
    {
        Dictionary<string, QuantizedWeight> weights = new(configuration.Weights);
        foreach (Scaling scaling in _scalings)
        {
            weights[scaling.First.Id] = Times(weights[scaling.First.Id], scaling.Factors);
            weights[scaling.Second.Id] = Times(weights[scaling.Second.Id], scaling.Inverse);
        }

        return configuration with { Weights = weights };
    }

    internal static IEnumerable<(Layer First, Layer Second)> FindPairs(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration)
    {
        Graph graph = prepared.Graph;
        bool IsOwn(Layer layer) => layer.OpType == "Conv" && configuration.Weights[layer.Id].Axis == 0
            && !configuration.Biases.ContainsKey(layer.Id)
            && graph.Consumers(layer.Weight).Count == 1 && !graph.IsUsedInSubgraph(layer.Weight)
            && (layer.Bias is null || (graph.Consumers(layer.Bias).Count == 1 && !graph.IsUsedInSubgraph(layer.Bias)));
        foreach (Layer second in plan.Layers.Where(IsOwn))
        {
            IReadOnlyList<long> shape = graph.Initializer(second.Weight)!.Dims;
            string tensor = second.Input;
            string? group = plan.Points.FirstOrDefault(p => p.Tensor == tensor)?.Group;
            if (shape[1] == 1 && graph.Producer(second.Id)!.IntAttribute("group", 1) is > 1 and var channels && shape[0] % channels == 0
                && graph.Consumers(tensor).Count == 1 && !graph.IsOutput(tensor) && !graph.IsUsedInSubgraph(tensor)
                && plan.Points.Count(p => p.Group == group) == 1
                && plan.Layers.FirstOrDefault(l => l.Result == tensor && l.QuantizedResult) is { } first && IsOwn(first)
                && configuration.Weights[first.Id].Scales.Length == channels)
                yield return (first, second);
        }
    }

    private static void Extend((float Least, float Greatest)[] ends, ReadOnlySpan<float> values, long[] shape)
    {
        int inner = (int)shape.Skip(2).Aggregate(1L, (n, d) => n * d);
        for (int i = 0; i * inner < values.Length; i++)
        {
            ref (float Least, float Greatest) end = ref ends[i % ends.Length];
            ReadOnlySpan<float> channel = values.Slice(i * inner, inner);
            end = (Math.Min(end.Least, TensorPrimitives.Min(channel)), Math.Max(end.Greatest, TensorPrimitives.Max(channel)));
        }
    }

    private static Scaling Scale(OnnxModel prepared, QuantizationConfiguration configuration, Layer first, Layer second, (float Least, float Greatest)[] ends)
    {
        AffineMapping mapping = configuration.Activations[second.Input];
        RealRange range = mapping.Representable;
        float[] scales = configuration.Weights[second.Id].Scales;
        float[]? bias = second.Bias is null ? null : prepared.Graph.Initializer(second.Bias)!.ToFloats();
        int each = scales.Length / ends.Length;
        float[] factors = new float[ends.Length], inverse = new float[scales.Length];
        for (int c = 0; c < factors.Length; c++)
        {
            double most = ends[c] is (0, 0) ? 1 : LargestFactor;
            if (ends[c].Greatest > 0)
                most = Math.Min(most, range.Maximum / (Margin * ends[c].Greatest));
            if (ends[c].Least < 0)
                most = Math.Min(most, range.Minimum / (Margin * ends[c].Least));

            // The bias, in steps of input scale times weight scale, must go on fitting INT32, corrected too.
            for (int o = c * each; bias is not null && o < (c + 1) * each; o++)
                most = Math.Min(most, scales[o] / (4.0 * QuantizedBias.LeastWeightScale(bias[o], mapping.Scale)));
            factors[c] = (float)Math.Max(1, most);
            inverse.AsSpan(c * each, each).Fill(1 / factors[c]);
        }

        return new Scaling(first, second, factors, inverse);
    }

    private static QuantizedWeight Times(QuantizedWeight weight, float[] factors) =>
        weight with { Scales = [.. weight.Scales.Zip(factors, (s, f) => s * f)] };

    private static void Multiply(OnnxModel model, string tensor, float[] factors)
    {
        TensorProto proto = model.Graph.Initializer(tensor)!;
        float[] values = proto.ToFloats();
        int inner = values.Length / factors.Length;
        for (int i = 0; i < values.Length; i++)
            values[i] *= factors[i / inner];
        proto.FloatData.Clear();
        proto.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values));
    }

    /// <param name="Factors">One for each channel between the layers, at least 1.</param>
    /// <param name="Inverse">One for each output channel of the second.</param>
    private sealed record Scaling(Layer First, Layer Second, float[] Factors, float[] Inverse);
}
