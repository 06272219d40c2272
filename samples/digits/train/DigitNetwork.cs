using QuantCluster.Onnx;
using QuantCluster.Samples.Digits.Layers;

namespace QuantCluster.Samples.Digits;

/// <summary>A small network with what quantization meets in large ones: batch norm, depthwise convolutions, a residual Add.</summary>
internal sealed class DigitNetwork
{
    private readonly Chain _layers;

    public DigitNetwork(ulong seed)
    {
        Dice dice = new(seed);
        _layers = new Chain(
            residual: false,
            new SpatialConvolution(1, 16, 1, ref dice), new BatchNormalization(16), new Rectifier(),
            new SpatialConvolution(16, 16, 2, ref dice), new BatchNormalization(16), new Rectifier(),
            new PointwiseConvolution(16, 32, ref dice), new BatchNormalization(32), new Rectifier(),
            new Chain(
                residual: true,
                new SpatialConvolution(32, 32, 1, ref dice), new BatchNormalization(32), new Rectifier(),
                new PointwiseConvolution(32, 32, ref dice), new BatchNormalization(32)),
            new Rectifier(),
            new SpatialConvolution(32, 32, 2, ref dice), new BatchNormalization(32), new Rectifier(),
            new PointwiseConvolution(32, 64, ref dice), new BatchNormalization(64), new Rectifier(),
            new PooledClassifier(64, Glyphs.Count, ref dice));
    }

    public IReadOnlyList<Parameter> Parameters => field ??= [.. _layers.Parameters];

    /// <summary>Scores [classes, images] of the images <paramref name="from"/> .. <paramref name="from"/> + <paramref name="count"/>.</summary>
    public Planes Forward(DigitImages images, ReadOnlySpan<int> chosen, bool training)
    {
        Planes input = new(1, chosen.Length, DigitImages.Side);
        Span<float> pixels = input.Row(0);
        for (int n = 0; n < chosen.Length; n++)
        {
            ReadOnlySpan<byte> image = images.Pixels.AsSpan(chosen[n] * DigitImages.Size, DigitImages.Size);
            for (int i = 0; i < image.Length; i++)
                pixels[(n * DigitImages.Size) + i] = ((image[i] / 255f) - 0.5f) / 0.5f;
        }

        return _layers.Forward(input, training);
    }

    public void Backward(Planes gradient) => _layers.Backward(gradient);

    public OnnxModel ToOnnx()
    {
        OnnxWriter writer = new();
        _layers.Emit(writer, "image");
        return writer.Build("image", DigitImages.Side, "scores", Glyphs.Count);
    }
}
