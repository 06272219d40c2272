namespace QuantCluster.Data.Sources;

/// <summary>
/// Scaling by a triangle filter that widens when the image shrinks, first along rows, then along columns, rounded to
/// bytes in between: what Pillow's <c>resize(BILINEAR)</c> does, and torchvision's on images.
/// </summary>
internal static class ImageScaling
{
    /// <summary>Keeps the proportions; the longer side is cut off to whole pixels, as torchvision does.</summary>
    public static Image ShorterSideTo(Image image, int side) => image.Width <= image.Height
        ? To(image, (int)((long)side * image.Height / image.Width), side)
        : To(image, side, (int)((long)side * image.Width / image.Height));

    public static Image To(Image image, int height, int width)
    {
        if (width != image.Width)
            image = AlongRows(image, width);
        return height == image.Height ? image : AlongColumns(image, height);
    }

    public static Image CutCentre(Image image, int height, int width)
    {
        // torchvision rounds the half pixel to even.
        int top = (int)Math.Round((image.Height - height) / 2.0), left = (int)Math.Round((image.Width - width) / 2.0);
        byte[] pixels = new byte[height * width * image.Channels];
        int row = width * image.Channels;
        for (int y = 0; y < height; y++)
            image.Pixels.AsSpan((((top + y) * image.Width) + left) * image.Channels, row).CopyTo(pixels.AsSpan(y * row));
        return new Image(height, width, image.Channels, pixels);
    }

    private static Image AlongRows(Image image, int width)
    {
        (int First, float[] Weights)[] taps = Taps(image.Width, width);
        byte[] pixels = new byte[checked(image.Height * width * image.Channels)];
        for (int y = 0, to = 0; y < image.Height; y++)
        {
            int row = y * image.Width;
            for (int x = 0; x < width; x++)
            {
                for (int c = 0; c < image.Channels; c++)
                    pixels[to++] = Weigh(image.Pixels, ((row + taps[x].First) * image.Channels) + c, image.Channels, taps[x].Weights);
            }
        }

        return image with { Width = width, Pixels = pixels };
    }

    private static Image AlongColumns(Image image, int height)
    {
        (int First, float[] Weights)[] taps = Taps(image.Height, height);
        int row = image.Width * image.Channels;
        byte[] pixels = new byte[checked(height * row)];
        for (int y = 0, to = 0; y < height; y++)
        {
            for (int x = 0; x < row; x++)
                pixels[to++] = Weigh(image.Pixels, (taps[y].First * row) + x, row, taps[y].Weights);
        }

        return image with { Height = height, Pixels = pixels };
    }

    private static byte Weigh(byte[] pixels, int at, int step, float[] weights)
    {
        float sum = 0.5f;
        foreach (float weight in weights)
        {
            sum += weight * pixels[at];
            at += step;
        }

        return (byte)Math.Clamp(sum, 0, 255);
    }

    /// <summary>Which source pixels make a target pixel, and their weights (sum 1).</summary>
    private static (int First, float[] Weights)[] Taps(int source, int target)
    {
        double scale = (double)source / target, support = Math.Max(scale, 1);
        var taps = new (int, float[])[target];
        for (int i = 0; i < target; i++)
        {
            double centre = (i + 0.5) * scale;
            int first = Math.Max(0, (int)(centre - support + 0.5)), end = Math.Min(source, (int)(centre + support + 0.5));
            double[] weights = [.. Enumerable.Range(first, end - first).Select(x => Math.Max(0, 1 - (Math.Abs(x + 0.5 - centre) / support)))];
            double sum = weights.Sum();
            taps[i] = (first, [.. weights.Select(w => (float)(w / sum))]);
        }

        return taps;
    }
}
