using System.Runtime.InteropServices;

namespace QuantCluster.Calibration;

/// <summary>
/// The counters behind a <see cref="FloatHistogram"/> while values stream in: four 32-bit counters a bin, taken in
/// turn, so that equal neighbours (the zeros of a ReLU) do not wait for one another's store. The memory is native and
/// zeroed by the system on first touch: bins that no value falls into cost nothing.
/// </summary>
internal sealed unsafe class HistogramTable : IDisposable
{
    private const int Lanes = 4;
    private uint* _counters = (uint*)NativeMemory.AllocZeroed(FloatBins.Count * Lanes, sizeof(uint));
    private long[] _spilled = [];
    private long _sinceSpill;

    /// <summary>Counts every value, non-finite ones in bins that <see cref="ToHistogram"/> leaves out.</summary>
    public void Add(ReadOnlySpan<float> values)
    {
        if (_sinceSpill + values.Length > uint.MaxValue)
            Spill();
        _sinceSpill += values.Length;
        fixed (float* start = values)
        {
            uint* counters = _counters;
            // The upper half of a little-endian float is its bin's key.
            ushort* key = (ushort*)start + 1;
            ushort* end = key + (2L * values.Length);
            for (; end - key >= 2 * 2 * Lanes; key += 2 * 2 * Lanes)
            {
                counters[(key[0] * Lanes) + 0]++;
                counters[(key[2] * Lanes) + 1]++;
                counters[(key[4] * Lanes) + 2]++;
                counters[(key[6] * Lanes) + 3]++;
                counters[(key[8] * Lanes) + 0]++;
                counters[(key[10] * Lanes) + 1]++;
                counters[(key[12] * Lanes) + 2]++;
                counters[(key[14] * Lanes) + 3]++;
            }

            for (; key < end; key += 2)
                counters[key[0] * Lanes]++;
        }
    }

    /// <summary>What was counted so far; <paramref name="minimum"/> and <paramref name="maximum"/> are the exact ends.</summary>
    public FloatHistogram ToHistogram(float minimum, float maximum)
    {
        List<ushort> ranks = [];
        List<long> counts = [];
        for (int rank = 0; rank < FloatBins.Count; rank++)
        {
            int key = FloatBins.KeyOfRank(rank);
            if ((key & 0x7FFF) >= FloatBins.FirstNonFinite)
                continue;
            long count = CountOf(key);
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
        return (long)lanes[0] + lanes[1] + lanes[2] + lanes[3] + (_spilled.Length > 0 ? _spilled[key] : 0);
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
