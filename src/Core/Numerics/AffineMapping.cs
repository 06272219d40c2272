namespace QuantCluster.Numerics;

/// <summary>
/// The affine mapping of one tensor (or one channel of it): <c>x = S·(q − Z)</c>,
/// <c>q = clamp(round(x/S) + Z)</c>, rounding half to even as ONNX QuantizeLinear does
/// (https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html).
/// </summary>
/// <param name="Scale">S, positive.</param>
/// <param name="ZeroPoint">Z, an integer of <paramref name="Type"/>; the integer that stands for 0.0 exactly.</param>
/// <param name="Type">The type the integers are stored in.</param>
public readonly record struct AffineMapping(float Scale, int ZeroPoint, IntegerType Type)
{
    /// <summary>
    /// S = (max − min)/(qmax − qmin), Z = round(qmin − min/S), after widening the range to contain zero.
    /// Symmetric mappings have Z = 0 (signed types; INT8 uses [−127, 127]).
    /// A range of no width maps to S = 1; a range too small for a normal float scale is widened.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An end is NaN or infinite, or the range is inverted.</exception>
    public static AffineMapping FromRange(RealRange range, IntegerType type, bool symmetric = false)
    {
        if (!double.IsFinite(range.Minimum) || !double.IsFinite(range.Maximum) || range.Minimum > range.Maximum)
            throw new ArgumentOutOfRangeException(nameof(range), range, "a range needs two finite ends in order");

        RealRange widened = range.WithZero();
        int low = type.Minimum(), high = type.Maximum();
        double width;
        int steps;
        if (symmetric)
        {
            if (!type.IsSigned())
                throw new ArgumentOutOfRangeException(nameof(type), type, "a symmetric mapping needs a signed type");
            width = widened.Magnitude;
            steps = high;
        }
        else
        {
            width = widened.Maximum - widened.Minimum;
            steps = high - low;
        }

        if (width == 0)
            return new AffineMapping(1f, symmetric ? 0 : Math.Clamp(0, low, high), type);

        // In float64, then rounded once to float32; kept normal so that 1/S stays finite.
        float scale = (float)Math.Min(width / steps, float.MaxValue);
        if (scale < MinimumScale)
            scale = MinimumScale;
        if (symmetric)
            return new AffineMapping(scale, 0, type);
        int zeroPoint = (int)Math.Clamp(Math.Round(low - (widened.Minimum / scale), MidpointRounding.ToEven), low, high);
        return new AffineMapping(scale, zeroPoint, type);
    }

    /// <summary>2⁻¹²⁶, the least normal float32.</summary>
    public const float MinimumScale = 1.17549435e-38f;

    /// <summary>The real interval whose ends the type's extreme integers stand for.</summary>
    public RealRange Representable =>
        new((double)Scale * (Type.Minimum() - ZeroPoint), (double)Scale * (Type.Maximum() - ZeroPoint));

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
}
