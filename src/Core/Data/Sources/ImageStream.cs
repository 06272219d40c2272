namespace QuantCluster.Data.Sources;

/// <summary>
/// An image file's bytes, whose end cannot be read for ever: the decoder takes zeros from beyond the end, and would wait
/// without end for a marker in a truncated JPEG.
/// </summary>
internal sealed class ImageStream(byte[] bytes) : MemoryStream(bytes, writable: false)
{
    // Decoders look a little ahead at a sound image's end.
    private const int ReadsBeyondEnd = 1024;

    private int _beyond;

    public override int ReadByte() => Noted(base.ReadByte(), ended: -1);

    public override int Read(byte[] buffer, int offset, int count) => Noted(base.Read(buffer, offset, count), ended: count == 0 ? -1 : 0);

    public override int Read(Span<byte> buffer) => Noted(base.Read(buffer), ended: buffer.IsEmpty ? -1 : 0);

    private int Noted(int result, int ended) => result != ended || ++_beyond <= ReadsBeyondEnd
        ? result
        : throw new EndOfStreamException("truncated");
}
