using System.Numerics.Tensors;

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
                double rest = hessian[from + order[columns - 1 - j]] - TensorPrimitives.Dot<double>(row.AsSpan(0, j), lower[j].AsSpan(0, j));
                row[j] = rest / lower[j][j];
            }

            double pivot = hessian[from + order[columns - 1 - i]] + damping - TensorPrimitives.SumOfSquares<double>(row.AsSpan(0, i));
            if (!(pivot > 0))
                return null;
            row[i] = Math.Sqrt(pivot);
        }

        return lower;
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
