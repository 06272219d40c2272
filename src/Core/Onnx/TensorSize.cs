using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>Bytes a tensor's shape asks for.</summary>
internal static class TensorSize
{
    /// <summary>Null where the element type has no size known here.</summary>
    /// <exception cref="QuantException">A dimension is negative, or the product does not fit 64 bits.</exception>
    public static long? Of(TensorProto tensor)
    {
        if (tensor.ElementType() is ElementType.String or ElementType.Undefined || !Enum.IsDefined(tensor.ElementType()))
            return null;
        try
        {
            if (tensor.Dims.Any(d => d < 0))
                throw new OverflowException();
            return checked(tensor.ElementType().ByteCount(tensor.ElementCount()));
        }
        catch (OverflowException)
        {
            throw new QuantException(ExitCode.BadModel,
                $"tensor {tensor.Name}: its shape [{string.Join(", ", tensor.Dims)}] is impossible. The model is damaged; export it again.");
        }
    }

    /// <summary>Checks that a tensor that carries its own bytes carries as many as its shape needs.</summary>
    public static void Check(TensorProto tensor)
    {
        if (tensor.HasRawData && Of(tensor) is { } expected && expected != tensor.RawData.Length)
        {
            throw new QuantException(ExitCode.BadModel,
                $"tensor {tensor.Name}: has {tensor.RawData.Length} bytes, but its shape [{string.Join(", ", tensor.Dims)}] needs {expected}. The model is damaged; export it again.");
        }
    }
}
