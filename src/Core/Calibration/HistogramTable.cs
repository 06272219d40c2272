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
    /// <summary>Values are counted so many at a time.</summary>
    public const int Step = 16;

    private const int Lanes = 2;

    /// <summary>Values whose keys wait at a time: they stay in the first-level cache.</summary>
    private const int Chunk = 2048;

    private uint* _counters = (uint*)NativeMemory.AllocZeroed(FloatBins.Count * Lanes, sizeof(uint));
    private long[] _spilled = [];
    private long _sinceSpill;
    private uint _frequent;
    private bool _isSparse;

    /// <summary>
    /// Counts every value, non-finite ones in bins that <see cref="ToHistogram"/> leaves out, and finds the least and
    /// greatest in the same walk, whose vector instructions run in the shadow of the counting.
    /// </summary>
    public void Add(ReadOnlySpan<float> values, ref ValueScan scan)
    {
        Begin(values.Length, scan);
        int vectorized = values.Length - (values.Length % Step);
        scan.Add(values[..vectorized], Count(values[..vectorized]));
        CountRest(values[vectorized..]);
        scan.Add(values[vectorized..]);
    }

    /// <summary>Before a tensor of <paramref name="length"/> values is counted piece by piece; <paramref name="scan"/> is of those before.</summary>
    public void Begin(int length, in ValueScan scan)
    {
        if (_sinceSpill + length > uint.MaxValue)
            Spill();
        _sinceSpill += length;
        // The greatest so far is, where values are clipped, what they are clipped to.
        _frequent = (uint)FloatBins.KeyOf(scan.Maximum);
        _isSparse = Avx512F.IsSupported;
    }

    /// <summary>Counts values, a multiple of <see cref="Step"/>.</summary>
    public Extremes Count(ReadOnlySpan<float> values)
    {
        Vector512<double> lower = default, upper = default;
        return Count<Unsummed>(values, ref lower, ref upper);
    }

    /// <summary>Counts values, a multiple of <see cref="Step"/>, and adds them up lane by lane, in their order.</summary>
    public Extremes CountAndSum(ReadOnlySpan<float> values, out Vector512<double> sums)
    {
        Vector512<double> lower = Vector512<double>.Zero, upper = lower;
        Extremes extremes = Count<Summed>(values, ref lower, ref upper);
        sums = lower + upper;
        return extremes;
    }

    /// <summary>Counts what is left of a multiple of <see cref="Step"/>.</summary>
    public void CountRest(ReadOnlySpan<float> values)
    {
        foreach (float value in values)
            _counters[FloatBins.KeyOf(value) * Lanes]++;
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

    private Extremes Count<TSum>(ReadOnlySpan<float> values, ref Vector512<double> lower, ref Vector512<double> upper)
        where TSum : struct
    {
        fixed (float* start = values)
        {
            float* at = start, end = start + values.Length;
            Extremes extremes = Extremes.None;
            for (; at < end && _isSparse; at += Math.Min(Chunk, end - at))
                extremes = extremes.With(CountRare<TSum>(at, at + Math.Min(Chunk, end - at), ref lower, ref upper));
            return at < end ? extremes.With(CountInTurn<TSum>(at, end, ref lower, ref upper)) : extremes;
        }
    }

    // What waits is written before it is read.
    [SkipLocalsInit]
    private Extremes CountRare<TSum>(float* at, float* end, ref Vector512<double> lower, ref Vector512<double> upper)
        where TSum : struct
    {
        uint frequent = _frequent;
        Vector512<double> first = lower, second = upper;
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
            if (typeof(TSum) == typeof(Summed))
            {
                first += Vector512.WidenLower(values);
                second += Vector512.WidenUpper(values);
            }

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
        _isSparse = rare < all - (all / 4);
        (lower, upper) = (first, second);
        return new Extremes(least, greatest, magnitude);
    }

    private Extremes CountInTurn<TSum>(float* at, float* end, ref Vector512<double> lower, ref Vector512<double> upper)
        where TSum : struct
    {
        Extremes extremes = Extremes.None;
        Vector512<double> first = lower, second = upper;
        byte* counters = (byte*)_counters;
        for (; at < end; at += Step)
        {
            Vector512<float> values = Vector512.Load(at);
            extremes = extremes.With(values);
            if (typeof(TSum) == typeof(Summed))
            {
                first += Vector512.WidenLower(values);
                second += Vector512.WidenUpper(values);
            }

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

        (lower, upper) = (first, second);
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

    /// <summary>The walk that also adds values up, and the one that does not: two compilations of one method.</summary>
    private readonly struct Summed;

    private readonly struct Unsummed;
}
