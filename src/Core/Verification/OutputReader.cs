using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Verification;

/// <summary>Views of a run's float outputs; float16 and float64 are converted, records that only pad a batch cut off.</summary>
internal static class OutputReader
{
    /// <summary>Whether values of the type are compared at all: integer outputs (indices, counts) are not.</summary>
    public static bool IsFloat(ElementType type) => type is ElementType.Float or ElementType.Float16 or ElementType.Double;

    public static OutputView Read(RunResult run, int output, Sample sample, OutputKind kind)
    {
        long[] shape = run.ShapeOf(output);
        ReadOnlySpan<float> values = run.TypeOf(output) switch
        {
            ElementType.Float => run.Floats(output),
            ElementType.Float16 => Convert<Half>(run.Bytes(output)),
            _ => Convert<double>(run.Bytes(output)),
        };
        int batch = BatchOf(sample);
        if (sample.ValidRecords < batch && shape.Length > 0 && shape[0] == batch)
        {
            values = values[..(values.Length / batch * sample.ValidRecords)];
            shape[0] = sample.ValidRecords;
        }

        return new OutputView(run.Names[output], shape, values, kind);
    }

    /// <summary>The batch all inputs share, or 1 where they share none.</summary>
    public static int BatchOf(Sample sample)
    {
        long batch = -1;
        foreach (DenseTensor input in sample.Inputs.Values)
        {
            long first = input.Shape.Length > 0 ? input.Shape[0] : 1;
            batch = batch < 0 || batch == first ? first : 1;
        }

        return (int)Math.Max(1, batch);
    }

    private static float[] Convert<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged, System.Numerics.INumberBase<T>
    {
        ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(bytes);
        float[] values = new float[source.Length];
        TensorPrimitives.ConvertTruncating(source, values);
        return values;
    }
}
