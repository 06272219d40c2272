using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Corrections;

/// <summary>
/// Betters integers that <see cref="HessianRounding"/> found: one weight at a time is moved by a step where that lowers the
/// squared output error e·H·eᵀ, until none is left to move (the goal of AdaRound, Nagel et al. 2020, by flips instead of
/// gradients). Worth it at 4 bits; at 8 bits nothing is gained on held-out data, so <see cref="LayerRounding"/> leaves those.
/// </summary>
internal static class RoundingRefinement
{
    private const int Sweeps = 4;

    /// <summary>Share of the mean diagonal that is added to the diagonal, as for the rounding itself.</summary>
    private const double Damping = 0.01;

    /// <param name="hessian">Symmetric, row-major, columns × columns. Its diagonal is damped in place.</param>
    /// <param name="steps">The weights in units of their scale, one row for each output channel.</param>
    /// <param name="integers">Bettered in place; they stay in [−limit, limit].</param>
    public static void Refine(double[] hessian, int columns, float[] steps, sbyte[] integers, int limit, int threads)
    {
        double trace = 0;
        for (int i = 0; i < columns; i++)
            trace += hessian[(i * columns) + i];
        if (!(trace > 0) || !double.IsFinite(trace))
            return;
        for (int i = 0; i < columns; i++)
            hessian[(i * columns) + i] += Damping * trace / columns;
        Parallel.For(0, steps.Length / columns, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : -1 }, r =>
            RefineRow(hessian, columns, steps.AsSpan(r * columns, columns), integers.AsSpan(r * columns, columns), limit));
    }

    private static void RefineRow(double[] hessian, int columns, ReadOnlySpan<float> steps, Span<sbyte> integers, int limit)
    {
        // H·e: half the slope of the error in each integer, up to its sign.
        double[] slopes = new double[columns];
        for (int k = 0; k < columns; k++)
            Add(hessian.AsSpan(k * columns, columns), (double)steps[k] - integers[k], slopes);
        for (int sweep = 0; sweep < Sweeps; sweep++)
        {
            bool changed = false;
            for (int k = 0; k < columns; k++)
            {
                int move = Math.Sign(slopes[k]);
                if (2 * Math.Abs(slopes[k]) <= hessian[(k * columns) + k] * (1 + 1e-9) || Math.Abs(integers[k] + move) > limit)
                    continue;
                integers[k] += (sbyte)move;
                Add(hessian.AsSpan(k * columns, columns), -move, slopes);
                changed = true;
            }

            if (!changed)
                return;
        }
    }

    /// <summary>target += factor·row, element by element: no order of additions to depend on.</summary>
    private static void Add(ReadOnlySpan<double> row, double factor, double[] target)
    {
        ref double from = ref MemoryMarshal.GetReference(row), to = ref MemoryMarshal.GetArrayDataReference(target);
        Vector256<double> factors = Vector256.Create(factor);
        nuint at = 0, length = (nuint)row.Length;
        for (; at + 4 <= length; at += 4)
            Vector256.FusedMultiplyAdd(factors, Vector256.LoadUnsafe(ref from, at), Vector256.LoadUnsafe(ref to, at)).StoreUnsafe(ref to, at);
        for (; at < length; at++)
            target[at] = Math.FusedMultiplyAdd(factor, row[(int)at], target[at]);
    }
}
