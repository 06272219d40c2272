using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>
/// The counters behind a <see cref="FloatHistogram"/> while values stream in: two 32-bit counters a bin, taken in
/// turn, so that equal neighbours (the zeros of a ReLU) wait less for one another's store; four are no faster, for
/// they fill the first-level cache. The memory is native and zeroed by the system on first touch: bins that no value
/// falls into cost nothing.
/// </summary>
internal sealed unsafe class HistogramTable : IDisposable
{
    private const int Lanes = 2;
    private const int Step = 16;
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
        Extremes extremes = Extremes.None;
        fixed (float* start = values)
        {
            byte* counters = (byte*)_counters;
            float* at = start, end = start + vectorized;
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

            for (end = start + values.Length; at < end; at++)
                _counters[(nuint)((ushort*)at)[1] * Lanes]++;
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
