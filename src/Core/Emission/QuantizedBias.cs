namespace QuantCluster.Emission;

/// <summary>
/// A bias of an integer kernel: INT32 with scale s_x·s_w (the float32 product, as the kernel's accumulator has it)
/// and zero point 0.
/// </summary>
internal static class QuantizedBias
{
    /// <summary>The greatest magnitude used: the accumulator adds products to it.</summary>
    private const double Largest = 1 << 30;

    public static float[] Scales(float inputScale, float[] weightScales) => [.. weightScales.Select(w => inputScale * w)];

    public static int[] Quantize(float[] bias, float[] scales)
    {
        int[] integers = new int[bias.Length];
        for (int i = 0; i < bias.Length; i++)
        {
            double steps = Math.Round((double)bias[i] / scales[scales.Length == 1 ? 0 : i], MidpointRounding.ToEven);
            integers[i] = (int)Math.Clamp(steps, -Largest, Largest);
        }

        return integers;
    }

    /// <summary>
    /// The least weight scale with which <paramref name="bias"/> fits INT32: a channel whose weights are almost zero
    /// would otherwise have its bias cut.
    /// </summary>
    public static float LeastWeightScale(float bias, float inputScale) => (float)(Math.Abs((double)bias) / (inputScale * Largest));
}
