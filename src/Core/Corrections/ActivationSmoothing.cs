using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Corrections;

/// <summary>How much of it, tensor by tensor.</summary>
/// <param name="Multiplied">Whether tensors are scaled that need a multiplication of their own.</param>
/// <param name="Tensors">Exponent (null: the channels stay) and factor of the seen range (null: the range stays) of each.</param>
internal sealed record Smoothing(string Name, bool Multiplied, IReadOnlyList<(double? Exponent, double? Margin)> Tensors);

/// <summary>
/// Makes the channels of a matrix product's input alike, at the expense of its weights (Xiao et al. 2023, "SmoothQuant"):
/// each is divided by a factor, which what makes the tensor (a normalization, a layer in front, an attention's values)
/// takes up, or, where others read the tensor too, a multiplication in front of the layers. With all channels at their
/// limits it is values never seen before that cost most: exponent and range have to be chosen on samples other than those
/// the magnitudes are of.
/// </summary>
internal sealed class ActivationSmoothing
{
    private static readonly double[] Exponents = [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

    private static readonly double[] Margins = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35];

    /// <summary>Elements of a tensor that are looked at, a sample.</summary>
    private const int MostElements = 1 << 15;

    private readonly OnnxModel _prepared;
    private readonly QuantizationPlan _plan;
    private readonly QuantizationConfiguration _configuration;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _evidence;
    private readonly RangeSettings _ranges;
    private readonly int _threads;
    private readonly ScalableTensor[] _tensors;
    private readonly IReadOnlyDictionary<string, ChannelMagnitudes> _seen;
    private IReadOnlyDictionary<string, ChannelMagnitudes>? _all;

    private ActivationSmoothing(
        OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration, IDataset data, IReadOnlyList<int> evidence, RangeSettings ranges, int threads,
        ScalableTensor[] tensors, IReadOnlyDictionary<string, ChannelMagnitudes> seen)
    {
        _prepared = prepared;
        _plan = plan;
        _configuration = configuration;
        _data = data;
        _evidence = evidence;
        _ranges = ranges;
        _threads = threads;
        _tensors = tensors;
        _seen = seen;
    }

    /// <summary>Tensors that can be scaled.</summary>
    public IReadOnlyList<ScalableTensor> Tensors => _tensors;

    /// <summary>Looks for tensors and measures their channels; null where there are none.</summary>
    /// <param name="evidence">Samples that magnitudes are taken from while choosing.</param>
    /// <param name="threads">Samples side by side; 0 for every core. Does not change the result.</param>
    public static ActivationSmoothing? Measure(
        OnnxModel prepared,
        QuantizationPlan plan,
        QuantizationConfiguration configuration,
        IDataset data,
        IReadOnlyList<int> evidence,
        RangeSettings ranges,
        int threads,
        CancellationToken cancellation)
    {
        HashSet<string> products = [.. plan.Layers.Where(l => l.OpType != "Conv").Select(l => l.Weight)];
        if (products.Count == 0)
            return null;
        ScalableTensor[] tensors = [.. new ScalableTensors(prepared, plan, data.Read(0)).Find().Where(t => t.Restored || t.Takers.Any(w => products.Contains(w.Name)))];
        return tensors.Length == 0
            ? null
            : new ActivationSmoothing(
                prepared, plan, configuration, data, evidence, ranges, threads, tensors,
                ChannelMagnitudes.Measure(prepared, tensors, new ChosenSamples(data, evidence), threads, cancellation));
    }

    /// <summary>The same exponent and margin for all tensors.</summary>
    public Smoothing Uniform(double exponent, double margin, bool multiplied) =>
        new(FormattableString.Invariant($"a = {exponent}, ranges × {margin}"), multiplied, [.. _tensors.Select(_ => ((double?)exponent, (double?)margin))]);

    /// <summary>
    /// For each tensor what causes the least error at the outputs of the layers that read it: magnitudes are taken from one
    /// half of the evidence and the other half judges.
    /// </summary>
    public Smoothing Local(bool multiplied, CancellationToken cancellation)
    {
        int[] first = [.. _evidence.Where((_, i) => i % 2 == 0)], second = [.. _evidence.Where((_, i) => i % 2 == 1)];
        IReadOnlyDictionary<string, ChannelMagnitudes> magnitudes = ChannelMagnitudes.Measure(_prepared, _tensors, new ChosenSamples(_data, first), _threads, cancellation);
        SmoothingCandidate[][] candidates = [.. _tensors.Select(t => Candidates(t, magnitudes[t.Tensor]))];
        double[][] errors = Judge(candidates, second.Length > 0 ? second : first, cancellation);
        return new Smoothing("each tensor its own", multiplied, [.. candidates.Select((c, i) => c[Array.IndexOf(errors[i], errors[i].Min())]).Select(c => (c.Exponent, c.Margin))]);
    }

    /// <summary>The configuration with scaled tensors, their ranges, and weights rounded to nearest.</summary>
    /// <param name="allData">Whether magnitudes are those of all data, instead of the evidence's: for what is to be emitted.</param>
    public QuantizationConfiguration Apply(Smoothing smoothing, bool allData, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, ChannelMagnitudes> magnitudes = allData ? _all ??= ChannelMagnitudes.Measure(_prepared, _tensors, _data, _threads, cancellation) : _seen;
        Dictionary<string, AffineMapping> activations = new(_configuration.Activations);
        List<ChannelScaling> scalings = [.. _configuration.Scalings];
        HashSet<string> touched = [];
        foreach ((ScalableTensor tensor, (double? exponent, double? margin)) in _tensors.Zip(smoothing.Tensors))
        {
            if (margin is not { } room || (exponent is not null && tensor.NeedsProduct && !smoothing.Multiplied))
                continue;
            float[] factors = FactorsOf(tensor, magnitudes[tensor.Tensor], exponent);
            activations[tensor.Tensor] = AffineMapping.FromRange(magnitudes[tensor.Tensor].RangeOf(factors, room), _ranges.Activations);
            touched.UnionWith(tensor.Makers.Concat(tensor.Takers).Select(c => c.Name));
            if (exponent is not null)
                scalings.Add(tensor.By(factors));
        }

        QuantizationConfiguration configuration = _configuration with { Activations = activations, Scalings = scalings };
        OnnxModel scaled = ScaledModel.Of(_prepared, _plan, configuration).Prepared;
        Dictionary<string, QuantizedWeight> weights = new(_configuration.Weights);
        foreach (Layer layer in _plan.Layers.Where(l => touched.Contains(l.Weight)))
            weights[layer.Id] = RangeSelection.ChooseWeight(scaled, layer, activations[layer.Input].Scale, _ranges);
        return configuration with { Weights = weights };
    }

    private SmoothingCandidate[] Candidates(ScalableTensor tensor, ChannelMagnitudes magnitudes)
    {
        List<SmoothingCandidate> candidates = [];
        float[] importance = Importance(tensor);
        foreach (double? exponent in Exponents.Select(e => (double?)e).Prepend(null))
        {
            // Scaled for its readers alone, it is as large as it likes to be.
            if (tensor.Restored && exponent is not null and not 1)
                continue;
            float[] factors = FactorsOf(tensor, magnitudes, exponent);
            double weightError = WeightError(tensor, magnitudes, factors);
            if (exponent is null)
                candidates.Add(new SmoothingCandidate(null, null, factors, _configuration.Activations[tensor.Tensor], importance, weightError));
            candidates.AddRange(Margins.Select(m => new SmoothingCandidate(
                exponent, m, factors, AffineMapping.FromRange(magnitudes.RangeOf(factors, m), _ranges.Activations), importance, weightError)));
        }

        return [.. candidates];
    }

    private float[] FactorsOf(ScalableTensor tensor, ChannelMagnitudes magnitudes, double? exponent) =>
        exponent is { } a ? SmoothingFactors.Of(_prepared, tensor, magnitudes, a) : [.. Enumerable.Repeat(1f, tensor.Channels)];

    /// <summary>Σ_o W_oj² over all layers that read the tensor; all alike where none does.</summary>
    private float[] Importance(ScalableTensor tensor)
    {
        float[] sums = new float[tensor.Channels];
        foreach (ChannelConstant taker in tensor.Takers)
        {
            float[] values = _prepared.Graph.Initializer(taker.Name)!.ToFloats();
            for (int i = 0; i < values.Length; i++)
                sums[taker.ChannelOf(i)] += values[i] * values[i];
        }

        if (tensor.Takers.Count == 0)
            Array.Fill(sums, 1);
        return sums;
    }

    private double WeightError(ScalableTensor tensor, ChannelMagnitudes magnitudes, float[] factors)
    {
        double error = 0;
        foreach (ChannelConstant taker in tensor.Takers)
        {
            if (_plan.Layers.FirstOrDefault(l => l.Weight == taker.Name) is not { } layer)
                continue;
            TensorProto proto = _prepared.Graph.Initializer(taker.Name)!;
            float[] values = proto.ToFloats();
            for (int i = 0; i < values.Length; i++)
                values[i] /= factors[taker.ChannelOf(i)];
            float[] rounded = LayerProduct.Dequantize(RangeSelection.ChooseWeight(values, proto.Dims, layer.WeightAxis, null, 1, _ranges), proto.Dims);
            for (int i = 0; i < values.Length; i++)
            {
                int channel = taker.ChannelOf(i);
                double difference = (double)(values[i] - rounded[i]) * factors[channel];
                error += difference * difference * magnitudes.MeanSquares[channel];
            }
        }

        return error;
    }

    /// <summary>The error of every candidate: [tensor][candidate].</summary>
    private double[][] Judge(SmoothingCandidate[][] candidates, IReadOnlyList<int> judges, CancellationToken cancellation)
    {
        string[] names = [.. _tensors.Select(t => t.Tensor)];
        double[][][] parts = new double[judges.Count][][];
        using ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(_prepared, names), new SessionSettings());
        EachSample.Run(judges.Count, _threads, cancellation, s =>
        {
            using RunResult result = session.Run(_data.Read(judges[s]), names);
            double[][] part = parts[s] = new double[_tensors.Length][];
            for (int t = 0; t < names.Length; t++)
            {
                ReadOnlySpan<float> values = result.Floats(t);
                int behind = (int)result.ShapeOf(t).Skip(_tensors[t].Axis + 1).Aggregate(1L, (n, d) => n * d), block = _tensors[t].Channels * behind;
                values = values[..Math.Min(values.Length, Math.Max(1, MostElements / block) * block)];
                double rows = values.Length / (double)block * behind;
                part[t] = new double[candidates[t].Length];
                for (int c = 0; c < part[t].Length; c++)
                    part[t][c] = candidates[t][c].Error(values, behind) + (rows * candidates[t][c].WeightError);
            }
        });
        return [.. _tensors.Select((_, t) => candidates[t].Select((_, c) => parts.Sum(p => p[t][c])).ToArray())];
    }
}
