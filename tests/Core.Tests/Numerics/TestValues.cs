using QuantCluster.Numerics;

namespace QuantCluster.Tests.Numerics;

/// <summary>Values that find rounding and clamping faults, from a fixed seed.</summary>
internal static class TestValues
{
    public static readonly float[] Special =
    [
        float.NaN, BitConverter.Int32BitsToSingle(unchecked((int)0xFFC00001)), BitConverter.Int32BitsToSingle(0x7F800001),
        float.PositiveInfinity, float.NegativeInfinity, 0f, -0f, float.Epsilon, -float.Epsilon,
        AffineMapping.MinimumScale, -AffineMapping.MinimumScale, MathF.BitDecrement(AffineMapping.MinimumScale),
        float.MaxValue, float.MinValue, 1f, -1f, 0.5f, -0.5f, 1.5f, 2.5f, 2147483648f, -2147483648f, 4e9f, -4e9f,
    ];

    /// <summary>Specials, random bit patterns, exact and near halves of the step, and values spread over the range.</summary>
    public static float[] For(AffineMapping mapping, int count, int seed)
    {
        Random random = new(seed);
        RealRange range = mapping.Representable;
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (i % 4) switch
            {
                0 => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)),
                1 => (random.Next(mapping.Type.Minimum() - 3, mapping.Type.Maximum() + 3) - mapping.ZeroPoint + 0.5f) * mapping.Scale,
                2 => Nudge((float)(range.Minimum + ((range.Maximum - range.Minimum) * ((random.NextDouble() * 1.2) - 0.1))), random),
                _ => Special[random.Next(Special.Length)],
            };
        }

        return values;
    }

    /// <summary>As ordinary data: finite, |x/S| below 2³¹, where every kernel of ONNX Runtime follows the standard.</summary>
    public static float[] Moderate(int count, int seed, double spread)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * spread))];
    }

    private static float Nudge(float value, Random random) => random.Next(3) switch
    {
        0 => MathF.BitIncrement(value),
        1 => MathF.BitDecrement(value),
        _ => value,
    };
}
