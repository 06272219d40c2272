using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Corrections;

/// <summary>
/// Rounds the weights of a layer so that the squared error of its <em>outputs</em> is small, not that of its weights:
/// columns are rounded one after the other, each taking up what the errors before it did to the outputs (Frantar et al.
/// 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers").
/// </summary>
internal static class HessianRounding
{
    /// <summary>Output channels that are rounded together.</summary>
    private const int Lanes = 64;

    /// <param name="hessian">Symmetric, row-major, columns × columns: <see cref="InputHessian.Matrix"/>.</param>
    /// <param name="steps">The weights in units of their scale, one row for each output channel.</param>
    /// <param name="nearest">Any integers for them; a row whose squared output error is not lowered keeps these.</param>
    /// <param name="limit">The greatest magnitude of an integer, e.g. 127.</param>
    /// <returns>Integers in [−limit, limit].</returns>
    public static sbyte[] Round(double[] hessian, int columns, float[] steps, sbyte[] nearest, int limit, int threads)
    {
        sbyte[] rounded = [.. nearest];
        if (RoundingFactor.Of(hessian, columns) is not { } factor)
            return rounded;
        int rows = steps.Length / columns;
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = threads > 0 ? threads : -1 };
        Parallel.For(0, (rows + Lanes - 1) / Lanes, parallel, chunk =>
            RoundRows(factor, steps, nearest, rounded, chunk * Lanes, Math.Min(Lanes, rows - (chunk * Lanes)), limit));
        return rounded;
    }

    private static void RoundRows(RoundingFactor factor, float[] steps, sbyte[] nearest, sbyte[] rounded, int first, int count, int limit)
    {
        int columns = factor.Order.Length;
        float[] errors = new float[columns * Lanes], plain = new float[columns * Lanes];
        float[] carried = new float[Lanes], plainCarried = new float[Lanes];
        double[] cost = new double[count], plainCost = new double[count];
        sbyte[] integers = new sbyte[columns * count];
        for (int k = 0; k < columns; k++)
        {
            int column = factor.Order[k];
            Carry(factor.Ratios[k], errors, carried);
            Carry(factor.Ratios[k], plain, plainCarried);
            for (int r = 0; r < count; r++)
            {
                int at = ((first + r) * columns) + column;
                float integer = Math.Clamp(MathF.Round(steps[at] + carried[r], MidpointRounding.ToEven), -limit, limit);
                float error = steps[at] - integer, plainError = steps[at] - nearest[at];
                integers[(k * count) + r] = (sbyte)integer;
                errors[(k * Lanes) + r] = error;
                plain[(k * Lanes) + r] = plainError;
                cost[r] += Cost(factor, k, error, carried[r]);
                plainCost[r] += Cost(factor, k, plainError, plainCarried[r]);
            }
        }

        for (int r = 0; r < count; r++)
        {
            if (!(cost[r] < plainCost[r]))
                continue;
            for (int k = 0; k < columns; k++)
                rounded[((first + r) * columns) + factor.Order[k]] = integers[(k * count) + r];
        }
    }

    /// <summary>A column's share of e·H·eᵀ, without what damping added.</summary>
    private static double Cost(RoundingFactor factor, int k, float error, float carried)
    {
        double total = (double)error + carried;
        return (factor.Pivots[k] * total * total) - (factor.AddedDiagonal * error * error);
    }

    /// <summary>
    /// Σ ratio_i·error_i of every lane. Fused by name: what is merely estimated rounds once or twice, as the compiler likes at
    /// the moment, and the integers would differ from run to run.
    /// </summary>
    private static void Carry(float[] ratios, float[] errors, float[] carried)
    {
        ref float at = ref MemoryMarshal.GetArrayDataReference(errors);
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        nuint from = 0;
        foreach (float ratio in ratios)
        {
            Vector256<float> factor = Vector256.Create(ratio);
            s0 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from), s0);
            s1 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 8), s1);
            s2 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 16), s2);
            s3 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 24), s3);
            s4 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 32), s4);
            s5 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 40), s5);
            s6 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 48), s6);
            s7 = Vector256.FusedMultiplyAdd(factor, Vector256.LoadUnsafe(ref at, from + 56), s7);
            from += Lanes;
        }

        s0.CopyTo(carried, 0);
        s1.CopyTo(carried, 8);
        s2.CopyTo(carried, 16);
        s3.CopyTo(carried, 24);
        s4.CopyTo(carried, 32);
        s5.CopyTo(carried, 40);
        s6.CopyTo(carried, 48);
        s7.CopyTo(carried, 56);
    }
}
