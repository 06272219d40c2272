using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Corrections;

/// <summary>
/// A damped Hessian H, its columns in order of falling diagonal, as H = V·Vᵀ with V upper triangular. Then
/// e·H·eᵀ = Σ_k V_kk²·(e_k + Σ_{i&lt;k} e_i·V_ik/V_kk)²: what the errors of earlier columns make of a later one. The
/// ratios are those of GPTQ, whose factor of the inverse (H⁻¹ = UᵀU) is U = V⁻¹; nothing needs to be inverted.
/// </summary>
internal sealed class RoundingFactor
{
    /// <summary>Share of the mean diagonal that is added to the diagonal (GPTQ's).</summary>
    private const double Damping = 0.01;

    private RoundingFactor(int[] order, float[][] ratios, double[] pivots, double damping)
    {
        Order = order;
        Ratios = ratios;
        Pivots = pivots;
        AddedDiagonal = damping;
    }

    /// <summary>Columns in the order they are to be rounded.</summary>
    public int[] Order { get; }

    /// <summary>Row k: V_ik/V_kk of the k columns before it.</summary>
    public float[][] Ratios { get; }

    /// <summary>V_kk².</summary>
    public double[] Pivots { get; }

    /// <summary>What damping added to each diagonal element.</summary>
    public double AddedDiagonal { get; }

    /// <summary>Null where the inputs are all zero, or not finite: there is nothing to go by.</summary>
    /// <param name="hessian">Symmetric, row-major.</param>
    public static RoundingFactor? Of(double[] hessian, int columns)
    {
        double trace = 0;
        for (int i = 0; i < columns; i++)
            trace += hessian[(i * columns) + i];
        if (!(trace > 0) || !double.IsFinite(trace))
            return null;
        int[] order = [.. Enumerable.Range(0, columns).OrderByDescending(i => hessian[(i * columns) + i])];
        for (double share = Damping; share <= 1; share *= 10)
        {
            double damping = share * trace / columns;
            if (Factorize(hessian, order, damping) is { } lower)
                return FromLower(order, lower, damping);
        }

        return null;
    }

    /// <summary>Cholesky factor of the matrix in reverse order, which is V with both axes reversed.</summary>
    private static double[][]? Factorize(double[] hessian, int[] order, double damping)
    {
        int columns = order.Length;
        double[][] lower = new double[columns][];
        for (int i = 0; i < columns; i++)
        {
            double[] row = lower[i] = new double[i + 1];
            int from = order[columns - 1 - i] * columns;
            for (int j = 0; j < i; j++)
            {
                double rest = hessian[from + order[columns - 1 - j]] - Dot(row.AsSpan(0, j), lower[j]);
                row[j] = rest / lower[j][j];
            }

            double pivot = hessian[from + order[columns - 1 - i]] + damping - Dot(row.AsSpan(0, i), row);
            if (!(pivot > 0))
                return null;
            row[i] = Math.Sqrt(pivot);
        }

        return lower;
    }

    /// <summary>
    /// In an order of additions that only the length decides. TensorPrimitives starts at an aligned address, so that its
    /// sum's last bits depend on where the arrays happen to lie.
    /// </summary>
    /// <param name="left">As many as are multiplied.</param>
    /// <param name="right">At least as many.</param>
    private static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        ref double l = ref MemoryMarshal.GetReference(left), r = ref MemoryMarshal.GetReference(right[..left.Length]);
        Vector256<double> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint at = 0, length = (nuint)left.Length;
        for (; at + 16 <= length; at += 16)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref l, at), Vector256.LoadUnsafe(ref r, at), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref l, at + 4), Vector256.LoadUnsafe(ref r, at + 4), s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref l, at + 8), Vector256.LoadUnsafe(ref r, at + 8), s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref l, at + 12), Vector256.LoadUnsafe(ref r, at + 12), s3);
        }

        Vector256<double> sums = s0 + s1 + (s2 + s3);
        double sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (; at < length; at++)
            sum = Math.FusedMultiplyAdd(left[(int)at], right[(int)at], sum);
        return sum;
    }

    private static RoundingFactor FromLower(int[] order, double[][] lower, double damping)
    {
        int columns = order.Length;
        float[][] ratios = new float[columns][];
        double[] pivots = new double[columns];
        for (int k = 0; k < columns; k++)
        {
            int reversed = columns - 1 - k;
            double pivot = lower[reversed][reversed];
            pivots[k] = pivot * pivot;
            float[] row = ratios[k] = new float[k];
            for (int i = 0; i < k; i++)
                row[i] = (float)(lower[columns - 1 - i][reversed] / pivot);
        }

        return new RoundingFactor(order, ratios, pivots, damping);
    }
}
