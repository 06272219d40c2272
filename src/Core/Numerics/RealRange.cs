namespace QuantCluster.Numerics;

/// <summary>A closed interval of real values, <c>[Minimum, Maximum]</c>.</summary>
public readonly record struct RealRange(double Minimum, double Maximum)
{
    /// <summary>The smallest range that contains this one and zero: padding and ReLU need an exact zero.</summary>
    public RealRange WithZero() => new(Math.Min(Minimum, 0), Math.Max(Maximum, 0));

    /// <summary>The smallest range that contains both.</summary>
    public RealRange Union(RealRange other) =>
        new(Math.Min(Minimum, other.Minimum), Math.Max(Maximum, other.Maximum));

    /// <summary>The larger of the two ends' magnitudes.</summary>
    public double Magnitude => Math.Max(Math.Abs(Minimum), Math.Abs(Maximum));
}
