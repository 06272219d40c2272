using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>Whether a Relu or Clip does nothing that its QuantizeLinear's clamping does not do (ONNX Runtime's IsClipMadeRedundantByQ).</summary>
internal static class ActivationRange
{
    public static bool IsCovered(QuantizedGraph graph, NodeProto activation, QuantizationNode quantizer)
    {
        if (!quantizer.IsConstant || !quantizer.IsPerTensor || quantizer.Scales is not { } scales)
            return false;
        (long low, long high)? range = quantizer.StoredType switch
        {
            ElementType.Int8 => (-128, 127),
            ElementType.UInt8 => (0, 255),
            _ => null,
        };
        if (range is not { } type)
            return false;
        long zero = quantizer.ZeroPoints?[0] ?? 0;
        if (activation.OpType == "Relu")
            return zero == type.low;
        if (Bound(graph, activation, 1, "min", float.MinValue) is not { } minimum || Bound(graph, activation, 2, "max", float.MaxValue) is not { } maximum)
            return false;
        return Math.Round((double)minimum / scales[0], MidpointRounding.ToEven) + zero <= type.low
            && Math.Round((double)maximum / scales[0], MidpointRounding.ToEven) + zero >= type.high;
    }

    private static float? Bound(QuantizedGraph graph, NodeProto clip, int input, string attribute, float none)
    {
        if (graph.Opset < 11)
            return clip.FloatAttribute(attribute, none);
        return clip.InputOrNull(input) is not { } name
            ? none
            : graph.Constant(name) is { } value && value.ElementType() == ElementType.Float ? value.ToFloats()[0] : null;
    }
}
