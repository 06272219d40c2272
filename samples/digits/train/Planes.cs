namespace QuantCluster.Samples.Digits;

/// <summary>A batch's activations, channel by channel: [channels, images, side, side], so that a channel is one long row.</summary>
internal sealed class Planes(int channels, int images, int side)
{
    private readonly float[] _values = new float[channels * images * side * side];

    public int Channels => channels;

    public int Images => images;

    public int Side => side;

    /// <summary>Values of one channel.</summary>
    public int RowLength => images * side * side;

    public Span<float> Row(int channel) => _values.AsSpan(channel * RowLength, RowLength);

    public Planes Like() => new(channels, images, side);

    /// <summary>Runs <paramref name="body"/> for every channel, in parallel; channels do not depend on each other, so neither do the bits.</summary>
    public static void ForEachChannel(int channels, Action<int> body) => Parallel.For(0, channels, body);
}
