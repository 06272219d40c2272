namespace QuantCluster.Numerics;

/// <summary>What the fields of a <see cref="SixteenBitFormat"/> number make it.</summary>
public enum SixteenBitKind
{
    Zero,
    Subnormal,
    Normal,
    Infinity,
    NotANumber,
}

/// <summary>A 16-bit number taken apart.</summary>
/// <param name="Negative">The sign bit.</param>
/// <param name="Exponent">The exponent field, bias included.</param>
/// <param name="Mantissa">The mantissa field, without the hidden bit.</param>
/// <param name="Kind">What the fields make it.</param>
public readonly record struct SixteenBitFields(bool Negative, int Exponent, int Mantissa, SixteenBitKind Kind);

/// <summary>What encoding a span in 16 bits lost.</summary>
/// <param name="Overflowed">Finite values that became infinite.</param>
/// <param name="Vanished">Values other than zero that became zero.</param>
/// <param name="Subnormal">Values kept with less than full precision.</param>
public readonly record struct SixteenBitLosses(long Overflowed, long Vanished, long Subnormal);
