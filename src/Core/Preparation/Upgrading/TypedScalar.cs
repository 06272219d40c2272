using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>Scalars of the type of the tensor they are combined with.</summary>
internal static class TypedScalar
{
    /// <summary>A scalar of <paramref name="like"/>'s element type; float32 where that is not known.</summary>
    public static TensorProto Create(UpgradeSite site, string like, float value)
    {
        ElementType type = site.Known(like)?.Type ?? ElementType.Float;
        return type switch
        {
            ElementType.Double => Tensors.FromBytes("", type, [], BitConverter.GetBytes((double)value)),
            ElementType.Float16 => Tensors.FromBytes("", type, [], BitConverter.GetBytes((Half)value)),
            ElementType.Float or ElementType.Undefined => Tensors.FromFloats("", [], [value]),
            _ => throw site.Refuse($"its input holds {type}, which the older version did not allow."),
        };
    }
}
