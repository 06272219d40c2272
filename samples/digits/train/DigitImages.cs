namespace QuantCluster.Samples.Digits;

/// <summary>Grey images of digits, drawn with a shaky hand: shifted, turned, slanted, thick or thin, faint, noisy, crossed out.</summary>
/// <param name="Pixels">[count, side, side], 0 (black) to 255.</param>
/// <param name="Labels">The digit of each image.</param>
internal sealed record DigitImages(byte[] Pixels, long[] Labels)
{
    public const int Side = 20;
    public const int Size = Side * Side;

    public int Count => Labels.Length;

    /// <summary>The same seed draws the same images, on any machine.</summary>
    public static DigitImages Draw(int count, ulong seed)
    {
        Dice dice = new(seed);
        byte[] pixels = new byte[count * Size];
        long[] labels = new long[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = dice.Below(Glyphs.Count);
            DrawOne((int)labels[i], ref dice, pixels.AsSpan(i * Size, Size));
        }

        return new DigitImages(pixels, labels);
    }

    private static void DrawOne(int digit, ref Dice dice, Span<byte> image)
    {
        float angle = dice.Between(-0.35f, 0.35f), slant = dice.Between(-0.3f, 0.3f);
        float width = dice.Between(7, 12.5f), height = dice.Between(9.5f, 15.5f);
        float centreX = (Side / 2f) + dice.Between(-2.2f, 2.2f), centreY = (Side / 2f) + dice.Between(-2.2f, 2.2f);
        float pen = dice.Between(0.55f, 1.35f), ink = dice.Between(90, 235), paper = dice.Between(0, 50), noise = dice.Between(2, 28);
        (float sin, float cos) = MathF.SinCos(angle);

        (float X, float Y) Place((float X, float Y) point)
        {
            float x = ((point.X - 0.5f) * width) - (slant * (point.Y - 0.5f) * height), y = (point.Y - 0.5f) * height;
            return (centreX + (cos * x) - (sin * y), centreY + (sin * x) + (cos * y));
        }

        Span<float> coverage = stackalloc float[Size];
        foreach ((float X, float Y)[] stroke in Glyphs.Of(digit))
        {
            for (int i = 1; i < stroke.Length; i++)
                DrawLine(Place(stroke[i - 1]), Place(stroke[i]), pen, coverage);
        }

        // A stray line through some of the images.
        if (dice.Below(5) == 0)
            DrawLine((dice.Between(0, Side), dice.Between(0, Side)), (dice.Between(0, Side), dice.Between(0, Side)), 0.5f, coverage);

        for (int i = 0; i < Size; i++)
            image[i] = (byte)Math.Clamp(paper + (ink * coverage[i]) + (noise * dice.Bell()), 0, 255);
    }

    private static void DrawLine((float X, float Y) from, (float X, float Y) to, float pen, Span<float> coverage)
    {
        float dx = to.X - from.X, dy = to.Y - from.Y, square = (dx * dx) + (dy * dy) + 1e-6f;
        for (int i = 0; i < Size; i++)
        {
            float x = (i % Side) + 0.5f - from.X, y = (i / Side) + 0.5f - from.Y;
            float along = Math.Clamp(((x * dx) + (y * dy)) / square, 0, 1);
            float distance = MathF.Sqrt(((x - (along * dx)) * (x - (along * dx))) + ((y - (along * dy)) * (y - (along * dy))));
            coverage[i] = Math.Max(coverage[i], Math.Clamp(pen + 0.5f - distance, 0, 1));
        }
    }
}
