using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantCluster.Calibration;

/// <summary>
/// The counters behind a <see cref="FloatHistogram"/> while values stream in: two 32-bit counters a bin, taken in
/// turn, so that equal neighbours wait less for one another's store. Where many are equal (the zeros of a ReLU, the sixes of a
/// ReLU6) AVX-512 sorts those two out sixteen at a time and counts them by population count. The memory is native and
/// zeroed by the system on first touch: bins that no value falls into cost nothing.
/// </summary>
internal sealed unsafe class HistogramTable : IDisposable
{
    private const int Lanes = 2;
    private const int Step = 16;

    /// <summary>Values whose keys wait at a time: they stay in the first-level cache.</summary>
    private const int Chunk = 2048;

    private uint* _counters = (uint*)NativeMemory.AllocZeroed(FloatBins.Count * Lanes, sizeof(uint));
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
        // The greatest so far is, where values are clipped, what they are clipped to.
        uint frequent = (uint)FloatBins.KeyOf(scan.Maximum);
        fixed (float* start = values)
        {
            bool isSparse = Avx512F.IsSupported;
            for (int done = 0; done < vectorized;)
            {
                int count = isSparse ? Math.Min(Chunk, vectorized - done) : vectorized - done;
                Extremes extremes;
                if (isSparse)
                    extremes = CountRare(start + done, start + done + count, frequent, out isSparse);
                else
                    extremes = CountInTurn(start + done, start + done + count);
                scan.Add(values.Slice(done, count), extremes);
                done += count;
            }

            for (float* at = start + vectorized; at < start + values.Length; at++)
                _counters[((ushort*)at)[1] * Lanes]++;
        }

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

    // What waits is written before it is read.
    [SkipLocalsInit]
    private Extremes CountRare(float* at, float* end, uint frequent, out bool isSparse)
    {
        uint* counters = _counters;
        uint* waiting = stackalloc uint[Chunk + Step];
        uint* last = waiting;
        Vector512<uint> top = Vector512.Create(frequent);
        // Not the struct, which the compiler would keep in memory.
        Vector512<float> least = Vector512.Create(float.PositiveInfinity), greatest = Vector512.Create(float.NegativeInfinity);
        Vector512<int> magnitude = Vector512<int>.Zero;
        int tops = 0, all = (int)(end - at);
        for (; at < end; at += Step)
        {
            Vector512<float> values = Vector512.Load(at);
            least = Vector512.MinNative(least, values);
            greatest = Vector512.MaxNative(greatest, values);
            magnitude = Vector512.Max(magnitude, values.AsInt32() & Vector512.Create(int.MaxValue));
            Vector512<uint> keys = values.AsUInt32() >>> 16;
            Vector512<uint> isTop = Vector512.Equals(keys, top);
            Vector512<uint> isRare = ~(isTop | Vector512.Equals(keys, Vector512<uint>.Zero));
            tops += BitOperations.PopCount(isTop.ExtractMostSignificantBits());
            Avx512F.Compress(Vector512<uint>.Zero, isRare, keys).Store(last);
            last += BitOperations.PopCount(isRare.ExtractMostSignificantBits());
        }

        int rare = (int)(last - waiting);
        uint* next = waiting;
        for (; next + 4 <= last; next += 4)
        {
            counters[(nuint)next[0] * Lanes]++;
            counters[((nuint)next[1] * Lanes) + 1]++;
            counters[(nuint)next[2] * Lanes]++;
            counters[((nuint)next[3] * Lanes) + 1]++;
        }

        for (; next < last; next++)
            counters[(nuint)(*next) * Lanes]++;
        counters[(nuint)frequent * Lanes] += (uint)tops;
        if (frequent != 0)
            counters[0] += (uint)(all - rare - tops);
        isSparse = rare < all - (all / 4);
        return new Extremes(least, greatest, magnitude);
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
        uint* lanes = _counters + (key * Lanes);
        return (long)lanes[0] + lanes[1] + (_spilled.Length > 0 ? _spilled[key] : 0);
    }

    // Before a 32-bit counter could overflow.
    private void Spill()
    {
        long[] spilled = new long[FloatBins.Count];
        for (int key = 0; key < spilled.Length; key++)
            spilled[key] = CountOf(key);
        _spilled = spilled;
        NativeMemory.Clear(_counters, FloatBins.Count * Lanes * sizeof(uint));
        _sinceSpill = 0;
    }
}
