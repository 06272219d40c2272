using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Verification.Metrics;

/// <summary>
/// Σr², Σq², Σrq and Σ(r−q)² in float64. Four fixed lanes, whatever the CPU's vectors: the bits are the same everywhere.
/// </summary>
internal readonly record struct Energies(double Reference, double Quantized, double Product, double Noise)
{
    public static Energies Of(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        Energies sums = Fast(reference, quantized);
        return double.IsFinite(sums.Reference + sums.Quantized) ? sums : Careful(reference, quantized);
    }

    private static Energies Fast(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        Vector256<double> r2 = default, q2 = default, rq = default, n2 = default;
        ReadOnlySpan<Vector128<float>> rs = MemoryMarshal.Cast<float, Vector128<float>>(reference);
        ReadOnlySpan<Vector128<float>> qs = MemoryMarshal.Cast<float, Vector128<float>>(quantized)[..rs.Length];
        for (int i = 0; i < rs.Length; i++)
        {
            Vector256<double> r = Widen(rs[i]);
            Vector256<double> q = Widen(qs[i]);
            Vector256<double> d = r - q;
            r2 += r * r;
            q2 += q * q;
            rq += r * q;
            n2 += d * d;
        }

        double sr = Vector256.Sum(r2), sq = Vector256.Sum(q2), sp = Vector256.Sum(rq), sn = Vector256.Sum(n2);
        for (int i = rs.Length * 4; i < reference.Length; i++)
        {
            double r = reference[i], q = quantized[i];
            sr += r * r;
            sq += q * q;
            sp += r * q;
            sn += (r - q) * (r - q);
        }

        return new Energies(sr, sq, sp, sn);
    }

    /// <summary>
    /// Where the float model itself gives ±∞ or NaN (a mask, say) and the quantized one the same, nothing is wrong and
    /// nothing is added; where they differ there, or only the quantized model does, the noise is infinite.
    /// </summary>
    private static Energies Careful(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        double sr = 0, sq = 0, sp = 0, sn = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double r = reference[i], q = quantized[i];
            if (double.IsFinite(r) && double.IsFinite(q))
            {
                sr += r * r;
                sq += q * q;
                sp += r * q;
                sn += (r - q) * (r - q);
            }
            else if (!r.Equals(q))
            {
                sn = double.PositiveInfinity;
            }
        }

        return new Energies(sr, sq, sp, sn);
    }

    private static Vector256<double> Widen(Vector128<float> v)
    {
        (Vector128<double> low, Vector128<double> high) = Vector128.Widen(v);
        return Vector256.Create(low, high);
    }
}
