using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantCluster.Data.Sources;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>Finding what would spoil a calibration before any work is done.</summary>
internal static class DataValidation
{
    /// <summary>Throws where a sample cannot be read, or holds NaN or an infinity.</summary>
    public static void RequireFinite(IDataset data, CancellationToken cancellationToken)
    {
        for (int index = 0; index < data.Count; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach ((string input, DenseTensor tensor) in data.Read(index).Inputs)
            {
                if (FirstNotFinite(tensor) is (var element, var value))
                    throw Bad(data, index, input, tensor, element, value);
            }
        }
    }

    private static (long Element, string Value)? FirstNotFinite(DenseTensor tensor) => tensor.Type switch
    {
        ElementType.Float => First(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span), float.IsFinite),
        ElementType.Double => First(MemoryMarshal.Cast<byte, double>(tensor.Bytes.Span), double.IsFinite),
        ElementType.Float16 => First(MemoryMarshal.Cast<byte, Half>(tensor.Bytes.Span), Half.IsFinite),
        ElementType.BFloat16 => First(Widened(tensor), float.IsFinite),
        _ => null,
    };

    private static ReadOnlySpan<float> Widened(DenseTensor tensor)
    {
        float[] values = new float[tensor.Bytes.Length / tensor.Type.Size()];
        ElementConversion.Convert(tensor.Type, tensor.Bytes.Span, ElementType.Float, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static (long, string)? First<T>(ReadOnlySpan<T> values, Func<T, bool> isFinite)
        where T : struct, INumber<T>
    {
        if (values.IsEmpty || TensorPrimitives.IsFiniteAll(values))
            return null;
        int element = 0;
        while (isFinite(values[element]))
            element++;
        return (element, T.IsNaN(values[element]) ? "NaN" : T.IsPositive(values[element]) ? "infinity" : "−infinity");
    }

    private static QuantException Bad(IDataset data, int sample, string input, DenseTensor tensor, long element, string value)
    {
        long[] index = new long[tensor.Shape.Length];
        long rest = element;
        for (int axis = index.Length - 1; axis >= 0; axis--)
            (rest, index[axis]) = (rest / tensor.Shape[axis], rest % tensor.Shape[axis]);
        string where = data is ModelDataset files ? $"{files.Describe(sample, input, index.Length > 0 ? index[0] : 0)}: " : "";
        return new QuantException(
            ExitCode.BadData,
            $"{where}input {input} is {value} at index {RecordShape.Format(index)} of sample {sample}. Remove or repair that record.");
    }
}
