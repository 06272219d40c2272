namespace QuantCluster.Numerics;

/// <summary>
/// The affine mapping of one tensor (or one channel or block of it): <c>x = S·(q − Z)</c>,
/// <c>q = clamp(round(x/S) + Z)</c>, rounding half to even as ONNX QuantizeLinear does
/// (https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html). NaN maps to the type's least integer, infinities to its ends.
/// </summary>
/// <param name="Scale">S, positive.</param>
/// <param name="ZeroPoint">Z, an integer of <paramref name="Type"/>; the integer that stands for 0.0 exactly.</param>
/// <param name="Type">The type the integers are stored in.</param>
public readonly partial record struct AffineMapping(float Scale, int ZeroPoint, IntegerType Type)
{
    /// <summary>2⁻¹²⁶, the least normal float32.</summary>
    public const float MinimumScale = 1.17549435e-38f;

    /// <summary>The real interval whose ends the type's extreme integers stand for.</summary>
    public RealRange Representable =>
        new((double)Scale * (Type.Minimum() - ZeroPoint), (double)Scale * (Type.Maximum() - ZeroPoint));

    /// <summary>
    /// S = (max − min)/(qmax − qmin), Z = round(qmin − min/S), after widening the range to contain zero.
    /// Symmetric mappings have Z = 0 and S = max|x|/qmax (signed types only; INT8 uses [−127, 127]).
    /// A range of no width maps to S = 1. A scale that float32 cannot hold as a normal number is raised to
    /// <see cref="MinimumScale"/>; one whose extreme integers would come back infinite is lowered until they do not.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An end is NaN or infinite, the range is inverted, or a symmetric mapping is asked of an unsigned type.
    /// </exception>
    public static AffineMapping FromRange(RealRange range, IntegerType type, bool symmetric = false)
    {
        if (!double.IsFinite(range.Minimum) || !double.IsFinite(range.Maximum) || range.Minimum > range.Maximum)
            throw new ArgumentOutOfRangeException(nameof(range), range, "a range needs two finite ends in order");
        if (symmetric && !type.IsSigned())
            throw new ArgumentOutOfRangeException(nameof(type), type, "a symmetric mapping needs a signed type");

        RealRange widened = range.WithZero();
        int low = type.Minimum(), high = type.Maximum();
        // Ends are halved before subtracting so that no pair of finite doubles overflows.
        double halfWidth = symmetric ? widened.Magnitude / 2 : (widened.Maximum / 2) - (widened.Minimum / 2);
        int steps = symmetric ? high : high - low;
        if (halfWidth == 0)
            return new AffineMapping(1f, 0, type);

        // In float64, then rounded once to float32; kept normal so that 1/S stays finite.
        float scale = Math.Max((float)Math.Min(halfWidth / steps * 2, float.MaxValue), MinimumScale);
        int zeroPoint = symmetric
            ? 0
            : (int)Math.Clamp(Math.Round(low - (widened.Minimum / scale), MidpointRounding.ToEven), low, high);
        int reach = symmetric ? high : Math.Max(high - zeroPoint, zeroPoint - low);
        if (!float.IsFinite(reach * scale))
            scale = LargestScale(reach);
        return new AffineMapping(scale, zeroPoint, type);
    }

    /// <summary>The integer that stands for <paramref name="value"/>, exactly as ONNX Runtime computes it.</summary>
    public int Quantize(float value)
    {
        float rounded = MathF.Round(value / Scale, MidpointRounding.ToEven);
        int low = Type.Minimum(), high = Type.Maximum();
        if (float.IsNaN(rounded))
            return low;
        float shifted = rounded + ZeroPoint;
        return shifted <= low ? low : shifted >= high ? high : (int)shifted;
    }

    /// <summary>S·(q − Z) in float32.</summary>
    public float Dequantize(int quantized) => (quantized - ZeroPoint) * Scale;

    /// <summary>There and back: what is left of <paramref name="value"/>.</summary>
    public float RoundTrip(float value) => Dequantize(Quantize(value));

    private static float LargestScale(int reach)
    {
        float scale = float.MaxValue / reach;
        return float.IsFinite(reach * scale) ? scale : MathF.BitDecrement(scale);
    }
}
