using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// Which kernel ONNX Runtime's CPU provider will run a node with: the conditions of its node group selectors
/// (core/optimizer/qdq_transformer/selectors_actions), said in words where they fail.
/// </summary>
internal sealed class KernelPrediction(QuantizedGraph graph)
{
    private static readonly Dictionary<string, string> Unary = new()
    {
        ["AveragePool"] = "QLinearAveragePool",
        ["GlobalAveragePool"] = "QLinearGlobalAveragePool",
        ["LeakyRelu"] = "QLinearLeakyRelu",
        ["Sigmoid"] = "QLinearSigmoid",
        ["Softmax"] = "QLinearSoftmax",
    };

    private static readonly HashSet<string> Moving =
        ["Expand", "Flatten", "Gather", "GatherElements", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Resize", "MaxPool"];

    public (Kernel Kernel, string Reason) Predict(NodeProto node)
    {
        string? obstacle = node.Domain is not ("" or "ai.onnx") ? "an operator of another domain has no integer form" : null;
        string kernel = node.OpType;
        if (obstacle is null)
        {
            (kernel, obstacle) = node.OpType switch
            {
                "Conv" => ("QLinearConv", Conv(node)),
                "MatMul" => MatMul(node),
                "Gemm" => ("QGemm", Gemm(node)),
                "Add" or "Mul" => ($"QLinear{node.OpType}", Elementwise(node, 2)),
                "Concat" => ("QLinearConcat", Elementwise(node, node.Input.Count)),
                "Where" => ("QLinearWhere", Elementwise(node, 2, first: 1)),
                "Split" => ("Split", Moved(node)),
                "Relu" or "Clip" => (node.OpType, Activation(node)),
                "ArgMax" => ("ArgMax", graph.Dequantizer(node.Input[0]) is { HasZeroPoint: true, IsConstant: true, IsPerTensor: true } ? null : "its input is not dequantized with a constant scale and zero point"),
                _ when Unary.TryGetValue(node.OpType, out string? name) => (name, Elementwise(node, 1)),
                _ when Moving.Contains(node.OpType) => (node.OpType, Moved(node)),
                _ => (node.OpType, $"ONNX Runtime has no integer {node.OpType}"),
            };
        }

        return obstacle is null ? (Kernel.Integer(kernel), "") : (Kernel.Float(node.OpType), obstacle);
    }

    /// <summary>Conv needs every input dequantized, and a QuantizeLinear of the input's type behind.</summary>
    private string? Conv(NodeProto node)
    {
        QuantizationNode? output = null;
        return InputsAndTypes(node) ?? Output(node, out output) ?? SameType(node, output!) ?? (BiasSteps.FirstWrong(graph, node, relative: 0.01, absolute: 1e-6) is { } wrong
            ? $"its bias's scale {wrong.Actual:R} is not s_x·s_w = {wrong.Expected:R}"
            : null);
    }

    private string? Gemm(NodeProto node)
    {
        // Without a QuantizeLinear behind, QGemm gives float.
        QuantizationNode? output = null;
        string? obstacle = InputsAndTypes(node)
            ?? (HasNoQuantizer(node) ? null : Output(node, out output))
            ?? (output is null ? null : SameType(node, output));
        return obstacle ?? (node.InputOrNull(2) is not null && node.FloatAttribute("beta", 1) != 1 ? "beta is not 1" : null);
    }

    private (string Kernel, string? Obstacle) MatMul(NodeProto node)
    {
        if (graph.Dequantizer(node.Input[0]) is null && graph.DirectDequantizer(node.Input[1]) is { Type: ElementType.Int4 or ElementType.UInt4 or ElementType.Int8 or ElementType.UInt8 } weight
            && weight.Node.IntAttribute("block_size", 0) >= 16)
            return ("MatMulNBits", null);
        if (MergedAdd.Behind(graph, node) is { } add)
            return ("QGemm", InputsAndTypes(node) ?? (MergedAdd.IsQuantized(graph, node, add) ? null : "ONNX Runtime merges it with the Add behind it into a Gemm, whose bias is float"));
        QuantizationNode? output = null;
        string? obstacle = InputsAndTypes(node);
        if (obstacle is not null || HasNoQuantizer(node))
            return ("MatMulIntegerToFloat", obstacle);
        return ("QLinearMatMul", Output(node, out output) ?? SameType(node, output!));
    }

    private string? Elementwise(NodeProto node, int count, int first = 0)
    {
        ElementType? type = null;
        for (int i = first; i < first + count; i++)
        {
            if (graph.Dequantizer(node.InputOrNull(i)) is not { } input)
                return $"its input {node.InputOrNull(i)} is not dequantized";
            type ??= input.Type;
            if (input.Type != type)
                return $"its inputs are of different types, {type} and {input.Type}";
        }

        return Output(node, out QuantizationNode? output) ?? (output!.Type == type ? Is8Bit(output.Type) : $"its input is {type} and its output {output.Type}");
    }

    /// <summary>An operator that only moves values runs on integers if both sides have equal parameters.</summary>
    private string? Moved(NodeProto node)
    {
        if (graph.Dequantizer(node.Input[0]) is not { } input)
            return TakesQuantizerBefore(node) ? null : "its input is not dequantized";
        if (node.OpType == "MaxPool" && graph.Opset < 12)
            return "MaxPool takes integers only from opset 12 on";
        if (node.OpType == "MaxPool" && node.Output.Count(o => o.Length > 0) > 1)
            return "it also gives the indices of the maxima";
        if (!input.IsPerTensor || !input.IsConstant)
            return "its input's scale is not one constant";
        foreach (string output in node.Output.Where(o => o.Length > 0))
        {
            if (graph.Propagates(node) && !graph.Graph.IsOutput(output) && graph.Graph.Consumers(output).Count > 0
                && !graph.Graph.Consumers(output).Any(QuantizedGraph.IsQuantize) && graph.Quantizer(output) is null)
                continue; // ONNX Runtime moves the DequantizeLinear behind it.
            if (graph.Quantizer(output) is not { } quantizer)
                return $"its output {output} is not quantized, or has other consumers";
            if (!quantizer.SameParameters(input))
                return "its input and output have different scales, zero points or types";
            if (!quantizer.HasZeroPoint || !input.HasZeroPoint)
                return "a zero point is left out; ONNX Runtime asks for it";
        }

        return null;
    }

    /// <summary>Whether ONNX Runtime moves the QuantizeLinear behind the node before it.</summary>
    private bool TakesQuantizerBefore(NodeProto node) =>
        graph.Propagates(node) && graph.Quantizer(node.Output[0]) is { IsConstant: true, IsPerTensor: true, HasZeroPoint: true }
        && graph.Constant(node.Input[0]) is null && graph.Graph.Consumers(node.Input[0]).Count == 1 && !graph.Graph.IsOutput(node.Input[0]);

    private string? Activation(NodeProto node) =>
        graph.Quantizer(node.Output[0]) is { } quantizer && ActivationRange.IsCovered(graph, node, quantizer)
            ? null
            : $"the {node.OpType} cuts inside the range its QuantizeLinear can represent, so it is not redundant";

    private string? InputsAndTypes(NodeProto node)
    {
        for (int i = 0; i < node.Input.Count; i++)
        {
            if (node.InputOrNull(i) is not { } tensor || graph.Dequantizer(tensor) is not null)
                continue;
            if (i == 2 && WeightBiasQuantization.Applies(graph, node))
                continue; // ONNX Runtime quantizes the float bias itself.
            if (i == 1 && WeightBiasQuantization.QuantizesWeight(graph, node))
                continue;
            return (i, graph.IsOverridable(tensor)) switch
            {
                (0, _) => $"its input {tensor} is not dequantized",
                (1, _) => $"its weight {tensor} is not dequantized",
                _ => $"its bias {tensor} is float",
            };
        }

        if (graph.Dequantizer(node.Input[0]) is not { } x)
            return "its input is not dequantized";
        if (!x.IsPerTensor)
            return "its input is quantized per channel or with a scale that is not constant";
        if (Is8Bit(x.Type) is { } wide)
            return wide;
        if (graph.Dequantizer(node.Input[1]) is not { } w)
            return null;
        if (Is8Bit(w.Type) is { } wideWeight)
            return wideWeight;
        if (x.Type == ElementType.Int8 && node.OpType != "Gemm" && !QuantizedGraph.KeepsInt8)
            return "its INT8 input has several readers, so ONNX Runtime cannot turn it into the UINT8 that x64 needs";
        if (x.Type == ElementType.Int8 && w.StoredType != ElementType.Int8)
            return $"an INT8 input needs an INT8 weight, not {w.StoredType}";
        return graph.Dequantizer(node.InputOrNull(2)) is { Type: not ElementType.Int32 } bias ? $"its bias is {bias.Type}, not Int32" : null;
    }

    private string? Output(NodeProto node, out QuantizationNode? quantizer)
    {
        string output = node.Output[0];
        quantizer = null;
        if (graph.Graph.IsOutput(output))
            return "its output is an output of the model";
        if (graph.Graph.Consumers(output) is [{ OpType: "Relu" or "Clip" } activation])
        {
            quantizer = graph.Quantizer(activation.Output[0]);
            return quantizer is null
                ? $"the {activation.OpType} behind it is not followed by one QuantizeLinear alone"
                : ActivationRange.IsCovered(graph, activation, quantizer) ? null : $"the {activation.OpType} behind it cuts inside the range its QuantizeLinear can represent, so it is not redundant";
        }

        quantizer = graph.Quantizer(output);
        return quantizer is not null
            ? null
            : graph.Graph.Consumers(output).Any(QuantizedGraph.IsQuantize) ? "its output has other consumers than one QuantizeLinear" : "its output is not quantized";
    }

    /// <summary>Whether nothing behind the node asks for integers; an activation there keeps the node float.</summary>
    private bool HasNoQuantizer(NodeProto node) =>
        graph.Graph.Consumers(node.Output[0]) is var consumers
        && !(consumers is [{ OpType: "Relu" or "Clip" }]) && !consumers.Any(QuantizedGraph.IsQuantize) && graph.Quantizer(node.Output[0]) is null;

    private string? SameType(NodeProto node, QuantizationNode output) =>
        graph.Dequantizer(node.Input[0]) is { } input && input.Type != output.Type ? $"its input is {input.Type} and its output {output.Type}" : null;

    private static string? Is8Bit(ElementType type) =>
        type is ElementType.Int8 or ElementType.UInt8 ? null : $"ONNX Runtime has no {type} kernel for it";
}
