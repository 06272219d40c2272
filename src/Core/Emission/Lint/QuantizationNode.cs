using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>A QuantizeLinear or DequantizeLinear with what is known of its parameters.</summary>
internal sealed class QuantizationNode
{
    public QuantizationNode(NodeProto node, ElementType type, TensorProto? scale, TensorProto? zeroPoint)
    {
        Node = node;
        Type = StoredType = type;
        HasZeroPoint = node.InputOrNull(2) is not null;
        IsConstant = scale is not null && (!HasZeroPoint || zeroPoint is not null);
        Scales = scale is not null && scale.ElementType() == ElementType.Float ? scale.ToFloats() : null;
        ZeroPoints = zeroPoint is null ? null : Integers(zeroPoint);
        Axis = node.IntAttribute("axis", 1);
        IsPerTensor = scale is not null && scale.Dims.All(d => d == 1) && scale.Dims.Count <= 1;
    }

    private QuantizationNode(QuantizationNode other)
    {
        (Node, StoredType, Type, IsConstant, HasZeroPoint) = (other.Node, other.StoredType, other.Type, other.IsConstant, other.HasZeroPoint);
        (IsPerTensor, Axis, Scales, ZeroPoints) = (other.IsPerTensor, other.Axis, other.Scales, other.ZeroPoints);
    }

    public NodeProto Node { get; }

    /// <summary>The integer type in the model; Undefined where the model does not tell.</summary>
    public ElementType StoredType { get; }

    /// <summary>The integer type in ONNX Runtime: UINT8 where it rewrites an INT8 pair (see <see cref="QuantizedGraph"/>).</summary>
    public ElementType Type { get; private init; }

    /// <summary>Whether scale and zero point are constants that a caller cannot override.</summary>
    public bool IsConstant { get; }

    public bool HasZeroPoint { get; }

    public bool IsPerTensor { get; }

    public long Axis { get; }

    /// <summary>Null where not constant or not float32.</summary>
    public float[]? Scales { get; }

    /// <summary>Null where not given or not constant.</summary>
    public long[]? ZeroPoints { get; }

    /// <summary>This node after ONNX Runtime's change from INT8 to UINT8, which moves scale and meaning of no value.</summary>
    public QuantizationNode AsUnsigned() => new(this) { Type = ElementType.UInt8 };

    public bool SameParameters(QuantizationNode other) =>
        IsConstant && other.IsConstant && Type == other.Type && Scales is not null && other.Scales is not null
        && Scales.AsSpan().SequenceEqual(other.Scales) && ZeroPointsOrZero(other.ZeroPoints).SequenceEqual(other.ZeroPointsOrZero(ZeroPoints));

    private long[] ZeroPointsOrZero(long[]? like) => ZeroPoints ?? new long[like?.Length ?? 1];

    private static long[]? Integers(TensorProto tensor) => tensor.ElementType() switch
    {
        ElementType.Int8 or ElementType.UInt8 or ElementType.Int32 or ElementType.Int64 => tensor.ToInt64s(),
        _ => null,
    };
}
