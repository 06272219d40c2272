using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>
/// A folder of PNG and JPEG images (or one image), subfolders included, in the order of their paths. Decoded to as many
/// channels as the model takes (1 grey, 4 RGBA, else RGB), scaled and cut where the spec says so.
/// </summary>
internal sealed class ImageFolderReader : IDatasetReader
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg"];

    public string Name => "a folder of PNG or JPEG images";

    public bool CanRead(InputSpec input) => Files(input).Length > 0;

    public IRecordSource Open(InputSpec input, ValueSignature model) => input.Layout == ImageLayout.NCHW
        ? throw new QuantException(ExitCode.BadData, $"{input.File}: images are stored NHWC; remove \"layout\": \"NCHW\" from the spec (they are put in the model's order anyhow).")
        : new Images(input, Files(input), Channels(model));

    private static string[] Files(InputSpec input) => Directory.Exists(input.File)
        ? DataFile.In(input.File, Endings)
        : Endings.Contains(Path.GetExtension(input.File), StringComparer.OrdinalIgnoreCase) ? [input.File] : [];

    private static int Channels(ValueSignature model)
    {
        // A model's channels stand in its second dimension, or (from some exporters) in its last.
        if (model.Shape.Length != 4)
            return 3;
        long[] candidates = [model.Shape[1], model.Shape[3]];
        return candidates.Contains(3) ? 3 : candidates.Contains(1) ? 1 : candidates.Contains(4) ? 4 : 3;
    }

    private sealed class Images(InputSpec input, string[] files, int channels) : IRecordSource
    {
        public ElementType Type => ElementType.UInt8;

        public int Count => files.Length;

        public long[]? Shape => null;

        public ImageLayout? Layout => ImageLayout.NHWC;

        public string Describe(int record) => files[record];

        public Record Read(int record)
        {
            Image image = ImageDecoder.Decode(files[record], channels);
            if (input.Resize is { } side)
                image = ImageScaling.ShorterSideTo(image, side);
            if (input.Size is { } size)
                image = input.Resize is null ? ImageScaling.To(image, size.Height, size.Width) : CutCentre(image, size.Height, size.Width, record);
            return new ArrayRecord([image.Height, image.Width, image.Channels], image.Pixels);
        }

        public void Dispose()
        {
        }

        private Image CutCentre(Image image, int height, int width, int record) => height <= image.Height && width <= image.Width
            ? ImageScaling.CutCentre(image, height, width)
            : throw new QuantException(ExitCode.BadData, $"{files[record]}: {image.Height}x{image.Width} pixels after \"resize\" {input.Resize}, less than \"size\" {height}x{width}; raise resize.");
    }
}
