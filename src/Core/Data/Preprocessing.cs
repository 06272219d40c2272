using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>
/// Stored record to model input: <c>((x / divide) − mean) / std</c> in float32, channels put where the model wants
/// them. Mean and std follow the model's channels. Pure and thread-safe.
/// </summary>
internal sealed class Preprocessing
{
    private readonly ElementType _from;
    private readonly ElementType _to;
    private readonly InputSpec _input;
    private readonly float[][]? _tables;

    /// <param name="from">Element type in the file.</param>
    /// <param name="to">Element type of the model's input.</param>
    /// <param name="input">What the spec says; mean and std have been checked against the channels.</param>
    /// <param name="channels">Channels of a record.</param>
    public Preprocessing(ElementType from, ElementType to, InputSpec input, int channels)
    {
        _from = from;
        _to = to;
        _input = input;
        if (from == ElementType.UInt8 && to == ElementType.Float)
            _tables = [.. Enumerable.Range(0, channels).Select(c => Enumerable.Range(0, 256).Select(v => Scale(v, c)).ToArray())];
    }

    /// <summary>Whether no stored value can become NaN, infinite or too large, so that nothing needs to be looked at.</summary>
    public bool CannotFail => _tables is not null
        ? _tables.All(t => t.All(float.IsFinite))
        : !_from.IsFloating() && !_input.Scales && ElementConversion.IsWidening(_from, _to) && _to != ElementType.Float16;

    /// <param name="arrangement">Where channels stand.</param>
    /// <param name="source">The record's stored bytes.</param>
    /// <param name="target">The model's bytes for the record.</param>
    /// <exception cref="OverflowException">An integer does not fit the model's type.</exception>
    public void Apply(ChannelArrangement arrangement, ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (_tables is not null)
            LookUp(arrangement, source, MemoryMarshal.Cast<byte, float>(target));
        else if (_input.Scales)
            ConvertAndScale(arrangement, source, target);
        else if (arrangement.IsIdentity)
            ElementConversion.Convert(_from, source, _to, target);
        else
            ArrangeAndConvert(arrangement, source, target);
    }

    private float Scale(float value, int channel) => ((value / _input.Divide) - At(_input.Mean, channel, 0)) / At(_input.Std, channel, 1);

    private static float At(IReadOnlyList<float> values, int channel, float none) => values.Count switch
    {
        0 => none,
        1 => values[0],
        _ => values[channel],
    };

    private void LookUp(ChannelArrangement arrangement, ReadOnlySpan<byte> source, Span<float> target)
    {
        int pixels = arrangement.Pixels;
        if (arrangement is { Channels: 3, StoredLast: true, WantedLast: false })
        {
            InterleavedToPlanes(source[..(3 * pixels)], _tables![0], _tables[1], _tables[2], arrangement.Reverse, target[..pixels], target.Slice(pixels, pixels), target.Slice(2 * pixels, pixels));
            return;
        }

        for (int channel = 0; channel < arrangement.Channels; channel++)
        {
            ReadOnlySpan<float> table = _tables![channel];
            (int from, int fromStep) = arrangement.Stored(channel);
            (int to, int toStep) = arrangement.Wanted(channel);
            for (int i = 0; i < pixels; i++, from += fromStep, to += toStep)
                target[to] = table[source[from]];
        }
    }

    /// <summary>The common case, RGB bytes to three planes, in one pass that writes each plane in order.</summary>
    private static void InterleavedToPlanes(
        ReadOnlySpan<byte> source,
        ReadOnlySpan<float> firstTable,
        ReadOnlySpan<float> secondTable,
        ReadOnlySpan<float> thirdTable,
        bool reverse,
        Span<float> first,
        Span<float> second,
        Span<float> third)
    {
        // The slices made here and by the caller are the bounds checks; none is left in the loop.
        ref byte at = ref MemoryMarshal.GetReference(source);
        ref float a = ref MemoryMarshal.GetReference(firstTable[..256]), b = ref MemoryMarshal.GetReference(secondTable[..256]), c = ref MemoryMarshal.GetReference(thirdTable[..256]);
        ref float x = ref MemoryMarshal.GetReference(first), y = ref MemoryMarshal.GetReference(second), z = ref MemoryMarshal.GetReference(third);
        int firstByte = reverse ? 2 : 0, thirdByte = 2 - firstByte;
        int pixels = first.Length;
        for (int i = 0; i < pixels; i++)
        {
            ref byte pixel = ref Unsafe.Add(ref at, 3 * i);
            Unsafe.Add(ref x, i) = Unsafe.Add(ref a, Unsafe.Add(ref pixel, firstByte));
            Unsafe.Add(ref y, i) = Unsafe.Add(ref b, Unsafe.Add(ref pixel, 1));
            Unsafe.Add(ref z, i) = Unsafe.Add(ref c, Unsafe.Add(ref pixel, thirdByte));
        }
    }

    private void ConvertAndScale(ChannelArrangement arrangement, ReadOnlySpan<byte> source, Span<byte> target)
    {
        int count = arrangement.Channels * arrangement.Pixels;
        float[] stored = ArrayPool<float>.Shared.Rent(count), scaled = ArrayPool<float>.Shared.Rent(count);
        try
        {
            ElementConversion.Convert(_from, source, ElementType.Float, MemoryMarshal.AsBytes(stored.AsSpan(0, count)));
            for (int channel = 0; channel < arrangement.Channels; channel++)
            {
                (int from, int fromStep) = arrangement.Stored(channel);
                (int to, int toStep) = arrangement.Wanted(channel);
                for (int i = 0; i < arrangement.Pixels; i++, from += fromStep, to += toStep)
                    scaled[to] = Scale(stored[from], channel);
            }

            ElementConversion.Convert(ElementType.Float, MemoryMarshal.AsBytes(scaled.AsSpan(0, count)), _to, target);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(stored);
            ArrayPool<float>.Shared.Return(scaled);
        }
    }

    private void ArrangeAndConvert(ChannelArrangement arrangement, ReadOnlySpan<byte> source, Span<byte> target)
    {
        byte[] arranged = ArrayPool<byte>.Shared.Rent(source.Length);
        try
        {
            Span<byte> ordered = arranged.AsSpan(0, source.Length);
            switch (_from.Size())
            {
                case 1: arrangement.Apply(source, ordered); break;
                case 2: arrangement.Apply(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<byte, ushort>(ordered)); break;
                case 4: arrangement.Apply(MemoryMarshal.Cast<byte, uint>(source), MemoryMarshal.Cast<byte, uint>(ordered)); break;
                default: arrangement.Apply(MemoryMarshal.Cast<byte, ulong>(source), MemoryMarshal.Cast<byte, ulong>(ordered)); break;
            }

            ElementConversion.Convert(_from, ordered, _to, target);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(arranged);
        }
    }
}
