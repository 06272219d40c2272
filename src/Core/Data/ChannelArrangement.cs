using QuantCluster.Data.Sources;

namespace QuantCluster.Data;

/// <summary>
/// Where a record's channels stand in the file and in the model's input: first (<c>[C, H, W]</c>) or last
/// (<c>[H, W, C]</c>), and in which order.
/// </summary>
/// <param name="Shape">The record's shape as the model takes it.</param>
/// <param name="Channels">Number of channels.</param>
/// <param name="Pixels">Values of one channel.</param>
/// <param name="StoredLast">Channels stand last in the file.</param>
/// <param name="WantedLast">Channels stand last in the model's input.</param>
/// <param name="Reverse">Channels are reversed on the way (RGB to BGR).</param>
internal sealed record ChannelArrangement(long[] Shape, int Channels, int Pixels, bool StoredLast, bool WantedLast, bool Reverse)
{
    /// <summary>Whether stored values only need their type changed.</summary>
    public bool IsIdentity => !Reverse && (StoredLast == WantedLast || Channels == 1 || Pixels == 1);

    /// <summary>The arrangement of one record, or null where it does not fit the model.</summary>
    /// <param name="stored">Shape in the file.</param>
    /// <param name="input">Layout and channel order.</param>
    /// <param name="wanted">The model's dimensions for one record, −1 where unknown; null where the rank is unknown.</param>
    public static ChannelArrangement? Of(long[] stored, InputSpec input, long[]? wanted)
    {
        wanted ??= [.. stored.Select(_ => -1L)];
        bool reverse = input.Channels == ChannelOrder.BGR;
        bool perChannel = reverse || input.Mean.Count > 1 || input.Std.Count > 1;
        if (stored.Length == 0 || (input.Layout is null && !perChannel))
            return RecordShape.Fits(stored, wanted) ? new ChannelArrangement(stored, 1, (int)Product(stored), false, false, false) : null;

        // Without a layout the stored order is the model's, channels first unless only the last dimension can be them.
        int channels = Math.Max(input.Mean.Count, input.Std.Count);
        bool storedLast = input.Layout == ImageLayout.NHWC
            || (input.Layout is null && channels > 1 && stored[0] != channels && stored[^1] == channels);
        long[] first = storedLast ? [stored[^1], .. stored[..^1]] : stored;
        long[] last = storedLast ? stored : [.. stored[1..], stored[0]];
        bool wantedLast = input.Layout is null ? storedLast : !RecordShape.Fits(first, wanted);
        long[] shape = wantedLast ? last : first;
        return RecordShape.Fits(shape, wanted)
            ? new ChannelArrangement(shape, (int)first[0], (int)Product(first[1..]), storedLast, wantedLast, reverse)
            : null;
    }

    /// <summary>Moves elements of any type from the stored order to the wanted one.</summary>
    public void Apply<T>(ReadOnlySpan<T> source, Span<T> target)
    {
        for (int channel = 0; channel < Channels; channel++)
        {
            (int from, int fromStep) = Stored(channel);
            (int to, int toStep) = Wanted(channel);
            for (int i = 0; i < Pixels; i++, from += fromStep, to += toStep)
                target[to] = source[from];
        }
    }

    /// <summary>Where the model's channel begins in the file, and the distance of its values.</summary>
    public (int Start, int Step) Stored(int channel)
    {
        int stored = Reverse ? Channels - 1 - channel : channel;
        return StoredLast ? (stored, Channels) : (stored * Pixels, 1);
    }

    /// <summary>Where the model's channel begins in its input, and the distance of its values.</summary>
    public (int Start, int Step) Wanted(int channel) => WantedLast ? (channel, Channels) : (channel * Pixels, 1);

    private static long Product(ReadOnlySpan<long> shape)
    {
        long product = 1;
        foreach (long dimension in shape)
            product = checked(product * dimension);
        return product;
    }
}
