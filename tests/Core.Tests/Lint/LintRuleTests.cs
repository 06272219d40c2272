using QuantCluster.Data;
using QuantCluster.Emission.Lint;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Lint;

public class LintRuleTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("float")]
    public void A_float_weight_between_DQ_and_Q_is_the_WeightBiasQuantization_trap(string bias)
    {
        OnnxModel model = SmallModels.Conv(floatWeight: true, bias: bias);
        LintFinding finding = Assert.Single(Linter.Lint(model).Findings, f => f.Rule == "weight-bias-quantization");
        Assert.Equal((LintSeverity.Trap, "conv"), (finding.Severity, finding.Node));

        // And so it is: without that optimizer the numbers are others.
        float[] honest = Run(model, new SessionSettings { DisabledOptimizers = ["WeightBiasQuantization"] });
        Assert.NotEqual(honest, Run(model, new SessionSettings()));
    }

    [Fact]
    public void The_ways_out_of_the_WeightBiasQuantization_trap_are_no_trap()
    {
        foreach (OnnxModel model in new[] { SmallModels.Conv(floatWeight: true, bias: "none", dequantized: false), SmallModels.Conv(floatWeight: true, bias: "none", quantized: false), SmallModels.Product("MatMul", floatWeight: true) })
        {
            Assert.DoesNotContain(Linter.Lint(model).Findings, f => f.Rule == "weight-bias-quantization");
            Assert.Equal(Run(model, new SessionSettings { DisabledOptimizers = ["WeightBiasQuantization"] }), Run(model, new SessionSettings()));
        }
    }

    [Fact]
    public void A_Gemm_with_a_float_weight_is_in_the_trap_too() =>
        AssertFinding(SmallModels.Product("Gemm", floatWeight: true), "weight-bias-quantization", LintSeverity.Trap, "product");

    [Fact]
    public void A_wrong_bias_scale_leaves_a_Conv_float() =>
        AssertFinding(SmallModels.Conv(biasFactor: 2), "bias-scale", LintSeverity.Trap, "conv");

    [Fact]
    public void A_wrong_bias_scale_of_a_Gemm_changes_its_numbers_silently()
    {
        OnnxModel model = SmallModels.Product("Gemm", "int32", biasFactor: 2);
        AssertFinding(model, "bias-scale", LintSeverity.Trap, "product");
        float[] plain = Run(model, new SessionSettings { Optimization = GraphOptimization.None }), fused = Run(model, new SessionSettings());
        Assert.Contains(plain.Zip(fused), pair => Math.Abs(pair.First - pair.Second) > 0.1);
    }

    [Theory]
    [InlineData(1.005f, 0.01)]
    [InlineData(1.013f, 0.01)]
    [InlineData(1.0145f, 0.01)]
    [InlineData(2f, 1e-5)]
    [InlineData(10f, 1e-5)]
    public void How_wrong_a_bias_scale_may_be_is_predicted(float factor, double weightScale)
    {
        LintReport report = Linter.Lint(SmallModels.Conv(biasFactor: factor, weightScale: weightScale));
        Assert.True(report.Nodes[0].Agrees, $"{report.Nodes[0]}");
        Assert.Contains(report.Findings, f => f is { Rule: "bias-scale", Severity: LintSeverity.Trap });
    }

    [Fact]
    public void A_bias_scale_off_by_rounding_is_no_finding() =>
        Assert.Empty(Linter.Lint(SmallModels.Conv(biasFactor: 1.0000001f)).Findings);

    [Fact]
    public void A_compute_layer_with_integer_weights_in_float_is_a_trap() =>
        AssertFinding(SmallModels.Conv(activation: "Relu", outputZero: 128), "float-compute", LintSeverity.Trap, "conv");

    [Fact]
    public void Different_parameters_around_a_Reshape_are_named() =>
        AssertFinding(SmallModels.Conv(tail: (model, y) => model.Pair(SmallModels.Reshape(model, y), 0.06)), "unshared-parameters", LintSeverity.Warning, "reshape");

    [Theory]
    [InlineData(ElementType.UInt8, ElementType.UInt8)]
    [InlineData(ElementType.Int8, ElementType.Int8)]
    public void Slow_pairs_of_types_are_named(ElementType activation, ElementType weight) =>
        AssertFinding(SmallModels.Conv(activation, weight, activation), "slow-types", LintSeverity.Warning, "conv");

    [Fact]
    public void A_float_operator_between_DQ_and_Q_is_an_island() =>
        AssertFinding(SmallModels.Conv(tail: (model, y) => model.Pair(model.Node("Sub", "sub", [y, y]), 0.1)), "float-island", LintSeverity.Warning, "sub");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_pool_between_a_float_convolution_and_integers_is_named(bool isFloat)
    {
        Network network = new(4);
        string x = network.Relu("ra", network.Conv("a", network.Input("in", 1, 3, 16, 16), 3, 8));
        x = network.Node("MaxPool", "pool", [x], Nodes.Ints("kernel_shape", 2, 2));
        OnnxModel model = network.Build(network.Relu("rc", network.Conv("c", network.Relu("rb", network.Conv("b", x, 8, 8)), 8, 8)));
        LintReport report = Linter.Lint((isFloat ? Flow.Of(model, "a") : Flow.Of(model)).Emit());
        Assert.Equal(isFloat ? ["pool"] : [], report.Findings.Where(f => f.Rule == "stranded-pool").Select(f => f.Node));
    }

    [Fact]
    public void A_value_quantized_twice_in_a_row_is_named()
    {
        AssertFinding(SmallModels.Conv(tail: (model, y) => model.Pair(y, 0.07)), "requantization", LintSeverity.Warning, "conv_q_dq_q");
        AssertFinding(SmallModels.Conv(tail: (model, y) => model.Pair(y, 0.05)), "requantization", LintSeverity.Info, "conv_q_dq_q");
    }

    [Fact]
    public void A_tensor_quantized_two_ways_is_named()
    {
        QdqModel model = new();
        string x = model.Input("x", 1, 4);
        string a = model.Dequantize(model.Quantize(x, 0.1, 128, name: "qa"), 0.1, 128), b = model.Dequantize(model.Quantize(x, 0.2, 128, name: "qb"), 0.2, 128);
        AssertFinding(model.Build(model.Node("Add", "add", [a, b])), "requantization", LintSeverity.Warning, "qa");
    }

    [Fact]
    public void A_model_ONNX_Runtime_refuses_is_still_predicted()
    {
        OnnxModel model = SmallModels.Conv();
        model.Proto.OpsetImport[0].Version = 9999;
        LintReport report = Linter.Lint(model);
        Assert.NotNull(report.NotVerified);
        Assert.Equal(KernelKind.Integer, report.Nodes[0].Predicted.Kind);
        Assert.Null(report.Nodes[0].Actual);
    }

    [Fact]
    public void The_model_itself_is_not_changed()
    {
        OnnxModel model = SmallModels.Conv();
        byte[] before = model.ToBytes();
        Linter.Lint(model);
        Assert.Equal(before, model.ToBytes());
    }

    private static void AssertFinding(OnnxModel model, string rule, LintSeverity severity, string node) =>
        Assert.Contains(Linter.Lint(model).Findings, f => f.Rule == rule && f.Severity == severity && f.Node == node);

    private static float[] Run(OnnxModel model, SessionSettings settings)
    {
        using ModelSession session = ModelSession.Create(model, settings);
        ValueSignature input = session.Inputs[0];
        float[] values = [.. Enumerable.Range(0, (int)input.Shape.Aggregate(1L, (n, d) => n * d)).Select(i => MathF.Sin(i))];
        using RunResult result = session.Run(new Dictionary<string, DenseTensor> { [input.Name] = DenseTensor.FromFloats(input.Shape, values) });
        return result.Floats(0).ToArray();
    }
}
