using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantCluster.Calibration;

/// <summary>
/// The counters behind a <see cref="FloatHistogram"/> while values stream in. What slows counting is a value like its
/// neighbour (the zeros of a ReLU, the sixes of a ReLU6), which waits for that one's store. With AVX-512 those two are
/// sorted out sixteen at a time and counted by population count; elsewhere two counters a bin, taken in turn, halve the
/// wait. The memory is native and zeroed by the system on first touch: bins that no value falls into cost nothing.
/// </summary>
internal sealed unsafe class HistogramTable : IDisposable
{
    private const int Step = 16;

    /// <summary>Values whose keys wait at a time: they stay in the first-level cache.</summary>
    private const int Chunk = 1024;

    private static readonly int Lanes = Avx512F.IsSupported ? 1 : 2;
    private uint* _counters = (uint*)NativeMemory.AllocZeroed((nuint)(FloatBins.Count * Lanes), sizeof(uint));
    private long[] _spilled = [];
    private long _sinceSpill;

    /// <summary>
    /// Counts every value, non-finite ones in bins that <see cref="ToHistogram"/> leaves out, and finds the least and
    /// greatest in the same walk, whose vector instructions run in the shadow of the counting.
    /// </summary>
    public void Add(ReadOnlySpan<float> values, ref ValueScan scan)
    {
        if (_sinceSpill + values.Length > uint.MaxValue)
            Spill();
        _sinceSpill += values.Length;
        int vectorized = values.Length - (values.Length % Step);
        Extremes extremes;
        fixed (float* start = values)
        {
            // The greatest so far is, where values are clipped, what they are clipped to.
            extremes = Avx512F.IsSupported
                ? CountRare(start, start + vectorized, (uint)FloatBins.KeyOf(scan.Maximum))
                : CountInTurn(start, start + vectorized);
            for (float* at = start + vectorized; at < start + values.Length; at++)
                _counters[((ushort*)at)[1] * Lanes]++;
        }

        scan.Add(values[..vectorized], extremes);
        scan.Add(values[vectorized..]);
    }

    /// <summary>What was counted so far; <paramref name="minimum"/> and <paramref name="maximum"/> are the exact ends.</summary>
    public FloatHistogram ToHistogram(float minimum, float maximum)
    {
        // A rank's bin lies between those of the ends: the rest of the memory is not even looked at.
        List<ushort> ranks = new(4096);
        List<long> counts = new(4096);
        int last = FloatBins.RankOf(maximum);
        for (int rank = FloatBins.RankOf(minimum == 0 ? -0f : minimum); rank <= last; rank++)
        {
            long count = CountOf(FloatBins.KeyOfRank(rank));
            if (count > 0)
            {
                ranks.Add((ushort)rank);
                counts.Add(count);
            }
        }

        return ranks.Count == 0 ? FloatHistogram.Empty : new FloatHistogram([.. ranks], [.. counts], minimum, maximum);
    }

    public void Dispose()
    {
        NativeMemory.Free(_counters);
        _counters = null;
    }

    private Extremes CountRare(float* at, float* end, uint frequent)
    {
        Extremes extremes = Extremes.None;
        uint* counters = _counters;
        uint* waiting = stackalloc uint[Chunk + Step];
        Vector512<uint> top = Vector512.Create(frequent);
        long rare = 0, tops = 0, all = end - at;
        while (at < end)
        {
            uint* last = waiting;
            for (float* stop = at + Math.Min(Chunk, end - at); at < stop; at += Step)
            {
                Vector512<float> values = Vector512.Load(at);
                extremes = extremes.With(values);
                Vector512<uint> keys = values.AsUInt32() >>> 16;
                Vector512<uint> isTop = Vector512.Equals(keys, top);
                Vector512<uint> isRare = ~(isTop | Vector512.Equals(keys, Vector512<uint>.Zero));
                tops += BitOperations.PopCount(isTop.ExtractMostSignificantBits());
                Avx512F.Compress(Vector512<uint>.Zero, isRare, keys).Store(last);
                last += BitOperations.PopCount(isRare.ExtractMostSignificantBits());
            }

            rare += last - waiting;
            uint* next = waiting;
            for (; next + 8 <= last; next += 8)
            {
                counters[next[0]]++;
                counters[next[1]]++;
                counters[next[2]]++;
                counters[next[3]]++;
                counters[next[4]]++;
                counters[next[5]]++;
                counters[next[6]]++;
                counters[next[7]]++;
            }

            for (; next < last; next++)
                counters[*next]++;
        }

        counters[frequent] += (uint)tops;
        if (frequent != 0)
            counters[0] += (uint)(all - rare - tops);
        return extremes;
    }

    private Extremes CountInTurn(float* at, float* end)
    {
        Extremes extremes = Extremes.None;
        byte* counters = (byte*)_counters;
        for (; at < end; at += Step)
        {
            extremes = extremes.With(Vector512.Load(at));
            // The upper half of a little-endian float is its bin's key; a bin's counters are 8 bytes.
            ushort* keys = (ushort*)at + 1;
            (*(uint*)(counters + ((nuint)keys[0] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[2] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[4] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[6] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[8] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[10] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[12] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[14] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[16] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[18] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[20] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[22] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[24] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[26] << 3) + 4))++;
            (*(uint*)(counters + ((nuint)keys[28] << 3)))++;
            (*(uint*)(counters + ((nuint)keys[30] << 3) + 4))++;
        }

        return extremes;
    }

    private long CountOf(int key)
    {
        long count = _spilled.Length > 0 ? _spilled[key] : 0;
        for (int lane = 0; lane < Lanes; lane++)
            count += _counters[(key * Lanes) + lane];
        return count;
    }

    // Before a 32-bit counter could overflow.
    private void Spill()
    {
        long[] spilled = new long[FloatBins.Count];
        for (int key = 0; key < spilled.Length; key++)
            spilled[key] = CountOf(key);
        _spilled = spilled;
        NativeMemory.Clear(_counters, (nuint)(FloatBins.Count * Lanes) * sizeof(uint));
        _sinceSpill = 0;
    }
}
