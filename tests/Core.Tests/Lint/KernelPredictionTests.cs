using QuantCluster.Emission.Lint;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Lint;

/// <summary>Every prediction here is confronted with the graph ONNX Runtime itself makes.</summary>
public class KernelPredictionTests
{
    [Fact]
    public void A_Conv_between_DQ_and_Q_becomes_QLinearConv()
    {
        LintReport report = Check(SmallModels.Conv());
        Assert.Equal("QLinearConv", Assert.Single(report.Nodes).Predicted.Operator);
        Assert.Empty(report.Findings);
        Assert.Equal((1, 1), (report.QuantizesLeft!.Value, report.DequantizesLeft!.Value));
    }

    [Fact]
    public void A_Conv_without_Q_behind_computes_in_float() => AssertFloat(SmallModels.Conv(quantized: false), "conv", "output");

    [Fact]
    public void A_Conv_with_a_second_reader_computes_in_float() => AssertFloat(SmallModels.Conv(secondReader: true), "conv", "other consumers");

    [Fact]
    public void A_Conv_whose_bias_is_float_is_fused_because_ONNX_Runtime_quantizes_it() => AssertInteger(SmallModels.Conv(bias: "float"), "conv");

    [Fact]
    public void A_Conv_without_bias_is_fused() => AssertInteger(SmallModels.Conv(bias: "none"), "conv");

    [Fact]
    public void Relu_vanishes_only_at_the_least_zero_point()
    {
        AssertInteger(SmallModels.Conv(activation: "Relu", outputZero: 0), "conv");
        AssertFloat(SmallModels.Conv(activation: "Relu", outputZero: 128), "conv", "Relu");
    }

    [Fact]
    public void Relu6_vanishes_only_if_the_range_lies_within_it()
    {
        AssertInteger(SmallModels.Conv(activation: "Relu6", outputZero: 0, outputScale: 6.0 / 255), "conv");
        AssertFloat(SmallModels.Conv(activation: "Relu6", outputZero: 0, outputScale: 8.0 / 255), "conv", "Clip");
    }

    [Fact]
    public void HardSwish_keeps_the_Conv_before_it_float() => AssertFloat(SmallModels.Conv(activation: "HardSwish"), "conv", "not quantized");

    [Theory]
    [InlineData(ElementType.Int8, ElementType.Int8, ElementType.Int8)]
    [InlineData(ElementType.UInt8, ElementType.UInt8, ElementType.UInt8)]
    [InlineData(ElementType.UInt8, ElementType.Int8, ElementType.Int8)]
    public void Pairs_of_types_are_predicted_as_this_machine_runs_them(ElementType input, ElementType weight, ElementType output) =>
        Check(SmallModels.Conv(input, weight, output));

    [Fact]
    public void Signed_activations_with_two_readers_are_predicted_as_this_machine_runs_them()
    {
        LintReport report = Check(SmallModels.Conv(ElementType.Int8, ElementType.Int8, ElementType.Int8, tail: (model, y) =>
        {
            string second = model.Pair(model.Node("Conv", "conv2", [y, model.Weight("w2", [4, 4, 1, 1])]), 0.05, 0, ElementType.Int8);
            return model.Pair(model.Node("Add", "add", [second, y]), 0.1, 0, ElementType.Int8);
        }));
        Assert.Contains(report.Findings, f => f.Rule == "slow-types");
    }

    [Theory]
    [InlineData("MatMul", "none", true, "QLinearMatMul")]
    [InlineData("MatMul", "none", false, "MatMulIntegerToFloat")]
    [InlineData("MatMul", "add", true, "QGemm")]
    [InlineData("Gemm", "none", true, "QGemm")]
    [InlineData("Gemm", "none", false, "QGemm")]
    [InlineData("Gemm", "int32", true, "QGemm")]
    [InlineData("Gemm", "int32", false, "QGemm")]
    [InlineData("Gemm", "float", true, "QGemm")]
    public void Products_become_integer_kernels(string kind, string bias, bool quantized, string expected)
    {
        NodeVerdict verdict = AssertInteger(SmallModels.Product(kind, bias, quantized), "product");
        Assert.Equal(expected, verdict.Predicted.Operator);
        Assert.Equal(expected, verdict.Actual!.Value.Operator);
    }

    [Fact]
    public void A_float_Add_behind_a_MatMul_of_matrices_makes_it_a_float_Gemm() =>
        AssertFloat(SmallModels.Product("MatMul", "add", quantized: false), "product", "merges it with the Add");

    [Fact]
    public void A_float_bias_keeps_a_Gemm_without_Q_float() => AssertFloat(SmallModels.Product("Gemm", "float", quantized: false), "product", "bias");

    [Fact]
    public void A_Relu_keeps_a_MatMul_or_Gemm_without_Q_float()
    {
        AssertFloat(SmallModels.Product("MatMul", quantized: false, relu: true), "product", "Relu");
        AssertFloat(SmallModels.Product("Gemm", quantized: false, relu: true), "product", "Relu");
    }

    [Fact]
    public void A_beta_other_than_one_keeps_a_Gemm_float() => AssertFloat(SmallModels.Product("Gemm", "int32", beta: 0.5f), "product", "beta");

    [Fact]
    public void Operators_that_only_move_values_run_on_integers_if_parameters_are_shared()
    {
        AssertInteger(SmallModels.Conv(tail: (model, y) => model.Pair(SmallModels.Reshape(model, y), 0.05)), "reshape");
        AssertFloat(SmallModels.Conv(tail: (model, y) => model.Pair(SmallModels.Reshape(model, y), 0.06)), "reshape", "different");
    }

    [Fact]
    public void Q_and_DQ_are_moved_across_operators_that_only_move_values()
    {
        LintReport before = Check(SmallModels.Conv(quantized: false, tail: (model, y) => model.Pair(model.Node("Transpose", "transpose", [y], Nodes.Ints("perm", 0, 2, 3, 1)), 0.05)));
        Assert.All(before.Nodes, n => Assert.Equal(KernelKind.Integer, n.Predicted.Kind));
        AssertInteger(SmallModels.Conv(tail: (model, y) => model.Node("Exp", "exp", [SmallModels.Reshape(model, y)])), "reshape");

        QdqModel input = new();
        AssertInteger(input.Build(input.Pair(SmallModels.Reshape(input, input.Input("x", 2, 8)))), "reshape");
    }

    [Fact]
    public void A_zero_point_left_out_keeps_a_Reshape_float() => AssertFloat(
        SmallModels.Conv(outputZero: 0, tail: (model, y) =>
            model.Dequantize(model.Quantize(SmallModels.Reshape(model, y), 0.05, 0, writeZeroPoint: false), 0.05, 0, writeZeroPoint: false)),
        "reshape",
        "zero point");

    [Theory]
    [InlineData("Sigmoid", "QLinearSigmoid")]
    [InlineData("GlobalAveragePool", "QLinearGlobalAveragePool")]
    [InlineData("LeakyRelu", "QLinearLeakyRelu")]
    [InlineData("Softmax", "QLinearSoftmax")]
    public void Unary_operators_with_an_integer_kernel_use_it(string opType, string expected)
    {
        LintReport report = Check(SmallModels.Conv(tail: (model, y) => model.Pair(model.Node(opType, "unary", [y]), 1.0 / 255, 0)));
        Assert.Equal(expected, report.Nodes.Single(n => n.Node == "unary").Actual!.Value.Operator);
    }

    [Theory]
    [InlineData("Add", KernelKind.Integer)]
    [InlineData("Mul", KernelKind.Integer)]
    [InlineData("Sub", KernelKind.Float)]
    [InlineData("Div", KernelKind.Float)]
    public void Of_the_four_operations_two_have_integer_kernels(string opType, KernelKind expected)
    {
        LintReport report = Check(SmallModels.Conv(tail: (model, y) => model.Pair(model.Node(opType, "binary", [y, y]), 0.1)));
        Assert.Equal(expected, report.Nodes.Single(n => n.Node == "binary").Predicted.Kind);
    }

    [Theory]
    [InlineData("kws.onnxruntime.u8s8_pc")]
    [InlineData("mobilenetv1.onnxruntime.u8s8_pc")]
    [InlineData("mobilenetv1.quark.U8S8_AAWS_pc_bc")]
    [InlineData("ocr.onnxruntime.u8s8_pc")]
    [InlineData("ocr.onnxsim.full_auto")]
    [InlineData("resnet20.onnxruntime.u8s8_pc")]
    [InlineData("resnet20.quark.U8S8_AAWS_pc_ada_it300")]
    [InlineData("squeezenet.onnxruntime.u8s8_pc")]
    [InlineData("squeezenet.quark.U8S8_AAWS_pc")]
    [InlineData("sst2.onnxruntime.u8s8_pc")]
    [InlineData("sst2.onnxsim.sq_static")]
    [InlineData("stories.onnxruntime.u8s8_pc")]
    [InlineData("vit.onnxruntime.u8s8_pc")]
    public void Real_models_are_predicted_as_ONNX_Runtime_runs_them(string peer)
    {
        LintReport report = Linter.Lint(OnnxModel.Load(Anchors.Path(Path.Combine("peers", peer + ".onnx"))));
        Assert.Null(report.NotVerified);
        Assert.All(report.Nodes.Where(n => n.IsCompute), n => Assert.NotNull(n.Actual));
        Assert.All(report.Nodes, n => Assert.True(n.Agrees, $"{n}"));
    }

    private static LintReport Check(OnnxModel model)
    {
        LintReport report = Linter.Lint(model);
        Assert.Null(report.NotVerified);
        Assert.All(report.Nodes, n => Assert.True(n.Agrees, $"{n}"));
        return report;
    }

    private static NodeVerdict AssertInteger(OnnxModel model, string node)
    {
        NodeVerdict verdict = Check(model).Nodes.Single(n => n.Node == node);
        Assert.Equal(KernelKind.Integer, verdict.Predicted.Kind);
        Assert.Equal("", verdict.Reason);
        return verdict;
    }

    private static void AssertFloat(OnnxModel model, string node, string reason)
    {
        NodeVerdict verdict = Check(model).Nodes.Single(n => n.Node == node);
        Assert.Equal(KernelKind.Float, verdict.Predicted.Kind);
        Assert.Contains(reason, verdict.Reason);
    }
}
