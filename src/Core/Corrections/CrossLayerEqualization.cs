using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Corrections;

/// <summary>
/// Makes the channels of two layers' weights alike in size, so that one scale for a whole weight fits them all (Nagel et al.
/// 2019, section 4.1): a channel between them is multiplied by f = √(r₂/r₁), r₁ and r₂ being the greatest magnitudes of its
/// weights in front and behind. Through Relu and through nothing any factor is exact. A Clip(0, b) stays as it is (other
/// bounds for each channel would not be fused): a channel that it cuts on the data keeps its size, the others only grow as
/// far as they are not cut.
/// </summary>
internal static class CrossLayerEqualization
{
    /// <summary>A weight stands in two pairs: what one pair wants changes what the other does.</summary>
    private const int Rounds = 40;

    /// <summary>Room below a Clip for values beyond those seen.</summary>
    private const double Margin = 1.2;

    /// <summary>A channel's factor stays in [1/this, this]: one whose weights are almost zero would grow without end.</summary>
    private const double LargestFactor = 1e4;

    /// <summary>The configuration with scaled channels, their ranges, and weights rounded to nearest; null where there is no pair.</summary>
    public static QuantizationConfiguration? Apply(
        OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration, IDataset data, RangeSettings ranges, int threads, CancellationToken cancellation)
    {
        HashSet<string> weights = [.. plan.Layers.Select(l => l.Weight)];
        ScalableTensor[] tensors =
        [
            .. new ScalableTensors(prepared, plan, data.Read(0)).Find()
                .Where(t => !t.NeedsProduct && t.Makers.Any(m => weights.Contains(m.Name)) && t.Takers.Any(w => weights.Contains(w.Name))),
        ];
        if (tensors.Length == 0)
            return null;
        IReadOnlyDictionary<string, ChannelMagnitudes> magnitudes = ChannelMagnitudes.Measure(prepared, tensors, data, threads, cancellation);
        double[][] factors = Factors(prepared, tensors, magnitudes, weights);
        Dictionary<string, AffineMapping> activations = new(configuration.Activations);
        List<ChannelScaling> scalings = [.. configuration.Scalings];
        HashSet<string> touched = [];
        for (int t = 0; t < tensors.Length; t++)
        {
            float[] single = [.. factors[t].Select(f => (float)f)];
            scalings.Add(tensors[t].By(single));
            touched.UnionWith(tensors[t].Makers.Concat(tensors[t].Takers).Select(c => c.Name));
            RealRange range = magnitudes[tensors[t].Tensor].RangeOf(single, 1), before = activations[tensors[t].Tensor].Representable;
            // Below a Clip the range that was chosen goes on holding all there is.
            if (tensors[t].Ceiling is null || range.Maximum > before.Maximum)
                activations[tensors[t].Tensor] = AffineMapping.FromRange(new RealRange(range.Minimum, Math.Min(range.Maximum, tensors[t].Ceiling ?? double.PositiveInfinity)), ranges.Activations);
        }

        configuration = configuration with { Activations = activations, Scalings = scalings };
        OnnxModel scaled = ScaledModel.Of(prepared, plan, configuration).Prepared;
        Dictionary<string, QuantizedWeight> quantized = new(configuration.Weights);
        foreach (Layer layer in plan.Layers.Where(l => touched.Contains(l.Weight)))
            quantized[layer.Id] = RangeSelection.ChooseWeight(scaled, layer, activations[layer.Input].Scale, ranges);
        return configuration with { Weights = quantized };
    }

    private static double[][] Factors(OnnxModel prepared, ScalableTensor[] tensors, IReadOnlyDictionary<string, ChannelMagnitudes> magnitudes, HashSet<string> weights)
    {
        double[][] factors = [.. tensors.Select(t => Enumerable.Repeat(1.0, t.Channels).ToArray())];
        Dictionary<string, float[]> values = tensors.SelectMany(t => t.Makers.Concat(t.Takers)).Select(c => c.Name).Where(weights.Contains).Distinct()
            .ToDictionary(n => n, n => prepared.Graph.Initializer(n)!.ToFloats());
        for (int round = 0; round < Rounds; round++)
        {
            for (int t = 0; t < tensors.Length; t++)
            {
                ScalableTensor tensor = tensors[t];
                ChannelConstant[] makers = [.. tensor.Makers.Where(m => weights.Contains(m.Name))], takers = [.. tensor.Takers.Where(w => weights.Contains(w.Name))];
                double[] front = Greatest(tensor, makers, values), behind = Greatest(tensor, takers, values), step = new double[tensor.Channels];
                for (int c = 0; c < step.Length; c++)
                {
                    double wanted = front[c] > 0 && behind[c] > 0 ? factors[t][c] * Math.Sqrt(behind[c] / front[c]) : factors[t][c];
                    wanted = Math.Clamp(wanted, 1 / LargestFactor, LargestFactor);
                    if (tensor.Ceiling is { } ceiling)
                    {
                        double room = ceiling / (Margin * Math.Max(1e-12, magnitudes[tensor.Tensor].Greatest[c]));
                        wanted = room < 1 ? 1 : Math.Min(wanted, room);
                    }

                    step[c] = wanted / factors[t][c];
                    factors[t][c] = wanted;
                }

                Scale(makers, values, c => step[c]);
                Scale(takers, values, c => 1 / step[c]);
            }
        }

        return factors;
    }

    /// <summary>The greatest magnitude of a channel (of all copies of it) in weights as they are by now.</summary>
    private static double[] Greatest(ScalableTensor tensor, ChannelConstant[] constants, Dictionary<string, float[]> values)
    {
        double[] greatest = new double[tensor.Channels];
        foreach (ChannelConstant constant in constants)
        {
            float[] weight = values[constant.Name];
            for (int i = 0; i < weight.Length; i++)
                greatest[constant.ChannelOf(i)] = Math.Max(greatest[constant.ChannelOf(i)], Math.Abs(weight[i]));
        }

        double[] all = new double[tensor.Channels];
        for (int c = 0; c < all.Length; c++)
            all[tensor.Sources[c]] = Math.Max(all[tensor.Sources[c]], greatest[c]);
        return [.. tensor.Sources.Select(s => all[s])];
    }

    private static void Scale(ChannelConstant[] constants, Dictionary<string, float[]> values, Func<int, double> factorOf)
    {
        foreach (ChannelConstant constant in constants)
        {
            float[] weight = values[constant.Name];
            for (int i = 0; i < weight.Length; i++)
                weight[i] = (float)(weight[i] * factorOf(constant.ChannelOf(i)));
        }
    }
}
