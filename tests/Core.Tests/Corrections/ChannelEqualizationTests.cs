using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Corrections;

public class ChannelEqualizationTests
{
    private static readonly GaussianSamples Data = new(24, "x", 1, 3, 6, 6);

    [Theory]
    [InlineData("Clip")]
    [InlineData("Relu")]
    [InlineData("")]
    public void Scaled_channels_leave_the_float_model_as_it_was(string activation)
    {
        Case model = Case.Of(activation);
        OnnxModel scaled = model.Equalization.Apply(model.Model);
        Assert.Equal(1, model.Equalization.Pairs);
        Assert.NotEqual(model.Model.Graph.Initializer("w1")!.ToFloats(), scaled.Graph.Initializer("w1")!.ToFloats());
        Assert.True(Sqnr(model.Model, scaled) > 100);
    }

    [Theory]
    [InlineData("Clip")]
    [InlineData("Relu")]
    [InlineData("")]
    public void Channels_of_very_different_size_lose_less(string activation)
    {
        Case model = Case.Of(activation);
        double plain = Sqnr(model.Model, Emitter.Emit(model.Model, model.Plan, model.Configuration));
        OnnxModel scaled = model.Equalization.Apply(model.Model);
        QuantizationConfiguration configuration = model.Equalization.Apply(model.Configuration);
        double equalized = Sqnr(model.Model, Emitter.Emit(scaled, model.Plan, configuration));
        Assert.True(equalized > plain + 3, $"{plain:F1} dB, equalized {equalized:F1} dB");
    }

    [Fact]
    public void What_lies_between_the_pair_is_known_to_be_scaled()
    {
        Case model = Case.Of("Relu");
        QuantizationConfiguration scaled = model.Equalization.Apply(model.Configuration);
        Assert.Equal([model.Plan.Layers[0].Result], ScaledTensors.Between(model.Model, model.Plan, model.Configuration, scaled));
        Assert.Empty(ScaledTensors.Between(model.Model, model.Plan, model.Configuration, model.Configuration));
    }

    [Fact]
    public void No_weight_changes_its_integer()
    {
        Case model = Case.Of("Relu");
        QuantizationConfiguration scaled = model.Equalization.Apply(model.Configuration);
        foreach ((string layer, QuantizedWeight weight) in model.Configuration.Weights)
            Assert.Equal(weight.Values, scaled.Weights[layer].Values);
        // What requantizing the scaled weights would give.
        QuantizationConfiguration anew = RangeSelection.Choose(
            model.Equalization.Apply(model.Model), model.Plan, model.Configuration.Activations, new RangeSettings { Method = "minmax" });
        foreach ((string layer, QuantizedWeight weight) in anew.Weights)
            Assert.All(weight.Scales.Zip(scaled.Weights[layer].Scales), p => Assert.Equal(p.First, p.Second, p.First * 1e-5));
    }

    [Fact]
    public void The_corrected_configuration_emits_from_the_model_that_was_not_scaled()
    {
        Case model = Case.Of("Clip");
        CorrectionResult result = CorrectionChoice.Choose(
            model.Model, model.Plan, model.Configuration, Data, new CorrectionSettings { Mode = CorrectionMode.Equalize }, CancellationToken.None);
        OnnxModel scaled = model.Equalization.Apply(model.Model);
        Assert.Equal(Emitter.Emit(scaled, model.Plan, result.Configuration).ToBytes(), Emitter.Emit(model.Model, model.Plan, result.Configuration).ToBytes());
        double plain = Sqnr(model.Model, Emitter.Emit(model.Model, model.Plan, model.Configuration));
        Assert.True(Sqnr(model.Model, Emitter.Emit(model.Model, model.Plan, result.Configuration)) > plain + 3);
    }

    [Fact]
    public void A_tensor_that_others_read_is_left_alone()
    {
        Case model = Case.Of("Relu", read: true);
        Assert.False(ChannelEqualization.HasPairs(model.Model, model.Plan, model.Configuration));
    }

    [Fact]
    public void One_scale_for_the_whole_weight_is_left_alone()
    {
        Case model = Case.Of("Relu");
        QuantizationConfiguration whole = RangeSelection.Choose(
            model.Model, model.Plan, model.Configuration.Activations, new RangeSettings { Method = "minmax", PerChannel = false });
        Assert.False(ChannelEqualization.HasPairs(model.Model, model.Plan, whole));
    }

    private static double Sqnr(OnnxModel one, OnnxModel other)
    {
        using ModelSession reference = ModelSession.Create(one, new SessionSettings()), quantized = ModelSession.Create(other, new SessionSettings());
        double signal = 0, noise = 1e-30;
        for (int s = 0; s < Data.Count; s++)
        {
            using RunResult expected = reference.Run(Data.Read(s)), actual = quantized.Run(Data.Read(s));
            for (int i = 0; i < expected.Floats(0).Length; i++)
            {
                signal += Math.Pow(expected.Floats(0)[i], 2);
                noise += Math.Pow(expected.Floats(0)[i] - actual.Floats(0)[i], 2);
            }
        }

        return 10 * Math.Log10(signal / noise);
    }

    private sealed record Case(OnnxModel Model, QuantizationPlan Plan, QuantizationConfiguration Configuration, ChannelEqualization Equalization)
    {
        /// <summary>x[1,3,6,6] → Conv to 8 channels, each half the one before → activation → depthwise Conv with weights that make up for it → y.</summary>
        public static Case Of(string activation, bool read = false)
        {
            Random random = new(5);
            GraphProto graph = new() { Name = "pair" };
            float[] Draw(int count, Func<int, double> size) => [.. Enumerable.Range(0, count).Select(i => (float)((random.NextDouble() - 0.4) * size(i)))];
            graph.Initializer.Add(Tensors.FromFloats("w1", [8, 3, 3, 3], Draw(8 * 27, i => Math.Pow(0.5, i / 27))));
            graph.Initializer.Add(Tensors.FromFloats("b1", [8], Draw(8, i => Math.Pow(0.5, i))));
            graph.Initializer.Add(Tensors.FromFloats("w2", [8, 1, 3, 3], Draw(8 * 9, i => Math.Pow(2, i / 9))));
            graph.Initializer.Add(Tensors.FromFloats("b2", [8], Draw(8, _ => 0.5)));
            graph.Initializer.Add(Tensors.FromFloats("w3", [4, 8, 1, 1], Draw(32, _ => 1)));
            graph.Initializer.Add(Tensors.FromFloats("zero", [], [0]));
            graph.Initializer.Add(Tensors.FromFloats("six", [], [6]));
            graph.Node.Add(Nodes.Create("Conv", "first", ["x", "w1", "b1"], ["c1"], Nodes.Ints("pads", 1, 1, 1, 1)));
            string tensor = activation.Length == 0 ? "c1" : "a1";
            if (activation.Length > 0)
                graph.Node.Add(Nodes.Create(activation, "activation", activation == "Clip" ? ["c1", "zero", "six"] : ["c1"], ["a1"]));
            graph.Node.Add(Nodes.Create("Conv", "depthwise", [tensor, "w2", "b2"], ["c2"], Nodes.Int("group", 8), Nodes.Ints("pads", 1, 1, 1, 1)));
            graph.Node.Add(Nodes.Create("Relu", "relu", ["c2"], ["r2"]));
            if (read)
                graph.Node.Add(Nodes.Create("Add", "sum", ["r2", tensor], ["s2"]));
            graph.Node.Add(Nodes.Create("Conv", "last", [read ? "s2" : "r2", "w3"], ["c3"]));
            graph.Node.Add(Nodes.Create("GlobalAveragePool", "pool", ["c3"], ["y"]));
            graph.Input.Add(Value("x", 1, 3, 6, 6));
            graph.Output.Add(Value("y", 1, 4, 1, 1));
            ModelProto proto = new() { IrVersion = 8, Graph = graph };
            proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
            OnnxModel model = OnnxModel.FromProto(proto);
            QuantizationPlan plan = Planner.Plan(model, TensorProbe.Observe(model, Data.Read(0)), PlanSettings.Default);
            CalibrationStatistics statistics = Calibrator.Calibrate(
                model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], Data, new CalibrationSettings(), null, CancellationToken.None);
            QuantizationConfiguration configuration = RangeSelection.Choose(model, plan, statistics, new RangeSettings { Method = "minmax" });
            return new Case(model, plan, configuration, ChannelEqualization.Measure(model, plan, configuration, Data, [.. Enumerable.Range(0, Data.Count)], 2, CancellationToken.None));
        }

        private static ValueInfoProto Value(string name, params long[] shape)
        {
            TensorShapeProto dims = new();
            dims.Dim.AddRange(shape.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
            return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = dims } } };
        }
    }
}
