using StbImageSharp;

namespace QuantCluster.Data.Sources;

/// <summary>
/// Decodes PNG and JPEG by StbImageSharp, the C# port of stb_image: chosen because it is kept up to date, is one
/// managed assembly of 77 KB for both formats (palettes, 16 bits, interlacing, progressive JPEG, chroma interpolated as
/// libjpeg does) and needs no native library. Purely managed pairs of PNG and JPEG decoders had seen no release for
/// years; ImageMagick's binding brings 100 MB of native code.
/// </summary>
/// <remarks>Its code is unsafe C#: sizes are checked here first, and images of doubtful origin are better converted to <c>.npy</c> elsewhere.</remarks>
internal static class ImageDecoder
{
    private const long MaximumFile = 256 << 20;
    private const long MaximumPixels = 100_000_000;

    /// <param name="file">A PNG or JPEG.</param>
    /// <param name="channels">1, 3 or 4; colours become grey, alpha is dropped or added as asked.</param>
    /// <exception cref="QuantException">The file cannot be read, is damaged, or too large.</exception>
    public static Image Decode(string file, int channels)
    {
        byte[] bytes = DataFile.ReadAll(file, MaximumFile);
        if (!bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) && !bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]))
            throw Bad(file, "neither a PNG nor a JPEG image");
        try
        {
            using ImageStream stream = new(bytes);
            if (ImageInfo.FromStream(stream) is not { } info)
                throw Bad(file, "the image's header is damaged");
            if (info.Width <= 0 || info.Height <= 0 || (long)info.Width * info.Height > MaximumPixels)
                throw Bad(file, $"{info.Height}x{info.Width} pixels are more than the {MaximumPixels} that are decoded");
            stream.Position = 0;
            ImageResult image = ImageResult.FromStream(stream, (ColorComponents)channels);
            return new Image(image.Height, image.Width, channels, image.Data);
        }
        catch (Exception e) when (e is not (QuantException or OutOfMemoryException))
        {
            throw new QuantException(ExitCode.BadData, $"{file}: damaged, or an image that is not read here ({e.Message}). Convert it to a plain PNG, or all images to one .npy.", e);
        }
    }

    private static QuantException Bad(string file, string what) => new(ExitCode.BadData, $"{file}: {what}.");
}
