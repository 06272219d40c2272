using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Corrections;

/// <summary>Rounding inside the whole correction: convolutions, a depthwise one, matrix products with and without bias.</summary>
public class HessianCorrectionTests
{
    private static readonly OnnxModel Model = Network();
    private static readonly GaussianSamples Data = new(24, "x", 1, 3, 8, 8);
    private static readonly QuantizationPlan Plan = Planner.Plan(Model, TensorProbe.Observe(Model, Data.Read(0)), PlanSettings.Default);
    private static readonly QuantizationConfiguration Nearest = Calibrated();

    [Fact]
    public void Rounding_keeps_scales_and_changes_integers_of_every_kind_of_layer()
    {
        CorrectionResult result = Choose(CorrectionMode.Hessian);
        Assert.Equal(Plan.Layers.Select(l => l.Id), result.CorrectedLayers);
        Assert.Equal(["Conv", "Conv", "Gemm", "MatMul", "MatMul"], Plan.Layers.Select(l => l.OpType));
        foreach (Layer layer in Plan.Layers)
        {
            QuantizedWeight before = Nearest.Weights[layer.Id], after = result.Configuration.Weights[layer.Id];
            Assert.Equal(before.Scales, after.Scales);
            Assert.NotEqual(before.Values, after.Values);
            Assert.All(before.Values.Zip(after.Values), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, 12));
            Assert.All(after.Values, v => Assert.InRange(v, -127, 127));
        }
    }

    [Fact]
    public void Coarse_weights_lose_less_when_rounded_for_their_inputs()
    {
        // With scales sixteen times too large the weights have four bits and limit the whole model.
        QuantizationConfiguration coarse = Coarse(16);
        double nearest = Sqnr(coarse);
        double bias = Sqnr(Choose(CorrectionMode.Bias, coarse).Configuration), hessian = Sqnr(Choose(CorrectionMode.Hessian, coarse).Configuration);
        Assert.True(hessian > nearest + 2 && hessian > bias + 2, $"nearest {nearest:F1} dB, bias {bias:F1} dB, Hessian {hessian:F1} dB");
    }

    [Fact]
    public void Threads_do_not_change_the_emitted_bytes()
    {
        byte[] Emitted(int threads, CorrectionMode mode) => Emitter.Emit(Model, Plan, Choose(mode, Coarse(16), threads).Configuration).ToBytes();
        Assert.Equal(Emitted(1, CorrectionMode.Hessian), Emitted(3, CorrectionMode.Hessian));
        Assert.Equal(Emitted(1, CorrectionMode.Auto), Emitted(3, CorrectionMode.Auto));
    }

    [Fact]
    public void Auto_keeps_the_candidate_with_the_least_error_on_samples_held_back()
    {
        CorrectionResult result = Choose(CorrectionMode.Auto, Coarse(16));
        Assert.Equal(["none", "bias", "rounding", "equalized"], result.Trials.Select(t => t.Name.Split(' ')[0]).Take(4));
        CorrectionTrial best = result.Trials.MinBy(t => t.Error)!;
        Assert.Equal(result.Trials.Last(t => t.Kept), best);
        Assert.Contains("rounding", best.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void Rounding_alone_leaves_every_bias_as_it_was()
    {
        QuantizationConfiguration coarse = Coarse(16);
        QuantizationConfiguration rounded = new SequentialBiasCorrection(Model, Plan, Data, [0, 1, 2, 3, 4, 5], 1)
            .Correct(coarse, Plan.Layers.Select(l => l.Id).ToHashSet(), LayerCorrection.Rounding, CancellationToken.None);
        Assert.Empty(rounded.Biases);
        Assert.All(Plan.Layers, l => Assert.NotEqual(coarse.Weights[l.Id].Values, rounded.Weights[l.Id].Values));
        Assert.True(Sqnr(rounded) > Sqnr(coarse) + 2);
    }

    [Fact]
    public void At_four_bits_rounding_is_tried_without_biases_too()
    {
        QuantizationConfiguration four = Nearest with
        {
            Weights = Nearest.Weights.ToDictionary(w => w.Key, w => new QuantizedWeight(
                IntegerType.Int4, w.Value.Axis, [.. w.Value.Scales.Select(s => s * 127 / 7)], [.. w.Value.Values.Select(v => (sbyte)Math.Round(v * 7 / 127.0))])),
        };
        CorrectionResult result = Choose(CorrectionMode.Auto, four);
        Assert.Equal(
            ["rounding of all 5 layers", "rounding of all 5 layers for biases, without these"],
            result.Trials.Select(t => t.Name).Where(n => n.StartsWith("rounding of", StringComparison.Ordinal)));
        Assert.Equal(result.Trials.MinBy(t => t.Error), result.Trials.Last(t => t.Kept));
        Assert.DoesNotContain(Choose(CorrectionMode.Auto).Trials, t => t.Name.StartsWith("rounding of", StringComparison.Ordinal));
    }

    [Fact]
    public void A_layer_too_wide_for_its_Hessian_is_rounded_in_blocks_and_errs_less()
    {
        HessianLayers wide = HessianLayers.MatMul([16, LayerRounding.MostColumns + 128], 3);
        DenseTensor[] inputs = wide.Inputs(40, 5), unseen = wide.Inputs(10, 6);
        float[] weights = wide.Weights;
        QuantizedWeight nearest = new(IntegerType.Int8, 1, [1.7f, 1.3f, 1.9f], new sbyte[weights.Length]);
        for (int i = 0; i < weights.Length; i++)
            nearest.Values[i] = (sbyte)Math.Round(weights[i] / nearest.Scales[i % 3]);
        QuantizedWeight Rounded(int threads) => LayerRounding.Round(wide.Model, wide.Layer, nearest, inputs, HessianLayers.Mapping, centred: false, threads);
        QuantizedWeight rounded = Rounded(1);
        Assert.Equal(rounded.Values, Rounded(3).Values);
        double before = ErrorOf(nearest), after = ErrorOf(rounded);
        Assert.True(after < before / 3, $"{after} is not much less than {before}");

        double ErrorOf(QuantizedWeight weight)
        {
            double sum = 0;
            foreach (DenseTensor input in unseen)
            {
                for (int row = 0; row < 16; row++)
                {
                    double[] errors = new double[3];
                    for (int i = 0; i < weights.Length; i++)
                        errors[i % 3] += (input.Bytes.Span[(row * weights.Length / 3) + (i / 3)] - HessianLayers.Mapping.ZeroPoint) * (weights[i] - (weight.Scales[i % 3] * weight.Values[i]));
                    sum += errors.Sum(e => e * e);
                }
            }

            return sum;
        }
    }

    [Theory]
    [InlineData(1, 2048, 1)]
    [InlineData(1, 3072, 2)]
    [InlineData(1, 4096, 2)]
    [InlineData(1, 8192, 8)]
    [InlineData(64, 576, 3)]
    [InlineData(1, 2053, null)]
    public void Blocks_of_columns_are_the_fewest_equal_ones_that_fit_into_memory(int groups, int columns, int? blocks) =>
        Assert.Equal(blocks, LayerRounding.BlocksOf(groups, columns));

    [Fact]
    public void A_layer_whose_columns_no_number_divides_keeps_its_integers()
    {
        Assert.True(LayerRounding.CanRound(Model, Plan.Layers[0]));
        HessianLayers wide = HessianLayers.MatMul([1, 2053], 1);
        Assert.False(LayerRounding.CanRound(wide.Model, wide.Layer));
    }

    private static CorrectionResult Choose(CorrectionMode mode, QuantizationConfiguration? configuration = null, int threads = 2) =>
        CorrectionChoice.Choose(Model, Plan, configuration ?? Nearest, Data, new CorrectionSettings { Mode = mode, Threads = threads }, CancellationToken.None);

    private static double Sqnr(QuantizationConfiguration configuration)
    {
        GaussianSamples unseen = new(60, "x", 1, 3, 8, 8);
        using ModelSession reference = ModelSession.Create(Model, new SessionSettings());
        using ModelSession quantized = ModelSession.Create(Emitter.Emit(Model, Plan, configuration), new SessionSettings());
        double signal = 0, noise = 0;
        for (int s = Data.Count; s < unseen.Count; s++)
        {
            using RunResult expected = reference.Run(unseen.Read(s)), actual = quantized.Run(unseen.Read(s));
            for (int i = 0; i < expected.Floats(0).Length; i++)
            {
                signal += Math.Pow(expected.Floats(0)[i], 2);
                noise += Math.Pow(expected.Floats(0)[i] - actual.Floats(0)[i], 2);
            }
        }

        return 10 * Math.Log10(signal / noise);
    }

    private static QuantizationConfiguration Calibrated()
    {
        CalibrationStatistics statistics = Calibrator.Calibrate(
            Model, [.. Plan.Points.Select(p => new TapRequest(p.Tensor))], Data, new CalibrationSettings(), null, CancellationToken.None);
        return RangeSelection.Choose(Model, Plan, statistics, new RangeSettings { Method = "minmax" });
    }

    private static QuantizationConfiguration Coarse(float factor) => Nearest with
    {
        Weights = Plan.Layers.ToDictionary(l => l.Id, l =>
        {
            QuantizedWeight fine = Nearest.Weights[l.Id];
            float[] values = LayerProduct.Dequantize(fine, Model.Graph.Initializer(l.Weight)!.Dims);
            float[] scales = [.. fine.Scales.Select(s => s * factor)];
            QuantizedWeight coarse = fine with { Scales = scales, Values = [.. Enumerable.Repeat((sbyte)1, values.Length)] };
            float[] steps = LayerProduct.Dequantize(coarse, Model.Graph.Initializer(l.Weight)!.Dims);
            return coarse with { Values = [.. values.Zip(steps, (v, s) => (sbyte)MathF.Round(v / s, MidpointRounding.ToEven))] };
        }),
    };

    /// <summary>x[1,3,8,8] → Conv → Relu → depthwise Conv → Relu → Flatten → Gemm → Relu → MatMul, Add → MatMul → y[1,6].</summary>
    private static OnnxModel Network()
    {
        Random random = new(11);
        GraphProto graph = new() { Name = "network" };
        float[] Draw(int count, double spread) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.4) * spread))];
        void Constant(string name, double spread, params long[] shape) =>
            graph.Initializer.Add(Tensors.FromFloats(name, shape, Draw((int)shape.Aggregate(1L, (n, d) => n * d), spread)));
        Constant("w1", 0.6, 8, 3, 3, 3);
        Constant("b1", 0.5, 8);
        Constant("w2", 0.8, 8, 1, 3, 3);
        Constant("w3", 0.2, 16, 128);
        Constant("b3", 0.5, 16);
        Constant("w4", 0.5, 16, 12);
        Constant("b4", 0.5, 12);
        Constant("w5", 0.5, 12, 6);
        graph.Node.Add(Nodes.Create("Conv", "conv", ["x", "w1", "b1"], ["c1"], Nodes.Ints("pads", 1, 1, 1, 1)));
        graph.Node.Add(Nodes.Create("Relu", "relu1", ["c1"], ["r1"]));
        graph.Node.Add(Nodes.Create("Conv", "depthwise", ["r1", "w2"], ["c2"], Nodes.Int("group", 8), Nodes.Ints("strides", 2, 2), Nodes.Ints("pads", 0, 0, 1, 1)));
        graph.Node.Add(Nodes.Create("Relu", "relu2", ["c2"], ["r2"]));
        graph.Node.Add(Nodes.Create("Flatten", "flatten", ["r2"], ["f"]));
        graph.Node.Add(Nodes.Create("Gemm", "gemm", ["f", "w3", "b3"], ["g"], Nodes.Int("transB", 1)));
        graph.Node.Add(Nodes.Create("Relu", "relu3", ["g"], ["r3"]));
        graph.Node.Add(Nodes.Create("MatMul", "product", ["r3", "w4"], ["p"]));
        graph.Node.Add(Nodes.Create("Add", "add", ["p", "b4"], ["a"]));
        graph.Node.Add(Nodes.Create("MatMul", "last", ["a", "w5"], ["y"]));
        graph.Input.Add(Value("x", 1, 3, 8, 8));
        graph.Output.Add(Value("y", 1, 6));
        ModelProto proto = new() { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        return OnnxModel.FromProto(proto);
    }

    private static ValueInfoProto Value(string name, params long[] shape)
    {
        TensorShapeProto dims = new();
        dims.Dim.AddRange(shape.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = dims } } };
    }
}
