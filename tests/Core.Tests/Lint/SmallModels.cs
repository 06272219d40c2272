using QuantCluster.Onnx;

namespace QuantCluster.Tests.Lint;

/// <summary>One Conv, MatMul or Gemm with what stands around it, right unless an argument says otherwise.</summary>
internal static class SmallModels
{
    public const double InputScale = 0.02;

    public static OnnxModel Conv(
        ElementType input = ElementType.UInt8,
        ElementType weight = ElementType.Int8,
        ElementType output = ElementType.UInt8,
        string bias = "int32",
        float biasFactor = 1,
        double weightScale = 0.01,
        bool floatWeight = false,
        bool dequantized = true,
        bool quantized = true,
        double outputScale = 0.05,
        int outputZero = 128,
        string? activation = null,
        Func<QdqModel, string, string>? tail = null,
        bool secondReader = false)
    {
        QdqModel model = new();
        string x = model.Input("x", 1, 3, 8, 8);
        if (dequantized)
            x = model.Pair(x, InputScale, input == ElementType.Int8 ? 0 : 128, input);
        List<string> inputs = [x, floatWeight ? model.Constant("w", [4, 3, 3, 3]) : model.Weight("w", [4, 3, 3, 3], axis: 0, weight, weightScale)];
        if (bias != "none")
            inputs.Add(bias == "float" ? model.Constant("b", [4]) : model.Bias("b", "w", InputScale, 4, biasFactor));
        string y = model.Node("Conv", "conv", inputs);
        if (activation == "Relu6")
            y = model.Node("Clip", "activation", [y, model.Initializer(Tensors.FromFloats("low", [], [0f])), model.Initializer(Tensors.FromFloats("high", [], [6f]))]);
        else if (activation is not null)
            y = model.Node(activation, "activation", [y]);
        string result = quantized ? model.Pair(y, outputScale, output == ElementType.Int8 ? 0 : outputZero, output) : y;
        if (tail is not null)
            result = tail(model, result);
        if (secondReader)
            result = model.Node("Sub", "difference", [result, model.Node("Exp", "exp", [y])]);
        return model.Build(result);
    }

    /// <param name="kind">MatMul or Gemm.</param>
    /// <param name="bias">none, int32, float (inputs of a Gemm), or add (a float Add behind a MatMul).</param>
    /// <param name="quantized">Whether a Q-DQ pair follows; else an Exp.</param>
    /// <param name="floatWeight">Whether the weight stays float.</param>
    /// <param name="relu">Whether a Relu follows.</param>
    /// <param name="beta">Of the Gemm.</param>
    /// <param name="biasFactor">What the bias's scale is wrong by.</param>
    /// <param name="type">Type of the input and output.</param>
    public static OnnxModel Product(
        string kind, string bias = "none", bool quantized = true, bool floatWeight = false, bool relu = false, float beta = 1, float biasFactor = 1, ElementType type = ElementType.UInt8)
    {
        QdqModel model = new();
        int zero = type == ElementType.Int8 ? 0 : 128;
        string x = model.Pair(model.Input("x", 4, 16), InputScale, zero, type);
        List<string> inputs = [x, floatWeight ? model.Constant("w", [16, 8]) : model.Weight("w", [16, 8], axis: 1)];
        if (bias == "int32")
            inputs.Add(model.Bias("b", "w", InputScale, 8, biasFactor));
        else if (bias == "float")
            inputs.Add(model.Constant("b", [8]));
        string y = model.Node(kind, "product", inputs, kind == "Gemm" ? [Nodes.Float("beta", beta)] : []);
        if (bias == "add")
            y = model.Node("Add", "add", [y, model.Constant("b", [8])]);
        if (relu)
            y = model.Node("Relu", "relu", [y]);
        return model.Build(quantized ? model.Pair(y, 0.05, zero, type) : model.Node("Exp", "exp", [y]));
    }

    public static string Reshape(QdqModel model, string tensor) =>
        model.Node("Reshape", "reshape", [tensor, model.Initializer(Tensors.FromInt64s("shape", [2], [1, -1]))]);
}
