namespace QuantCluster.Samples.Digits;

/// <summary>The ten digits as pen strokes: polylines in a box from (0, 0) top left to (1, 1) bottom right.</summary>
internal static class Glyphs
{
    public const int Count = 10;

    private static readonly (float X, float Y)[][][] Strokes =
    [
        [Arc(0.5f, 0.5f, 0.36f, 0.46f, 0, 360)],
        [[(0.3f, 0.24f), (0.54f, 0.04f), (0.54f, 0.96f)]],
        [[.. Arc(0.5f, 0.3f, 0.34f, 0.26f, 190, 390), (0.16f, 0.95f), (0.86f, 0.95f)]],
        [Arc(0.46f, 0.28f, 0.32f, 0.24f, 200, 450), Arc(0.46f, 0.73f, 0.36f, 0.23f, 270, 520)],
        [[(0.66f, 0.96f), (0.66f, 0.04f), (0.12f, 0.68f), (0.9f, 0.68f)]],
        [[(0.8f, 0.05f), (0.24f, 0.05f), (0.2f, 0.46f), .. Arc(0.47f, 0.68f, 0.34f, 0.27f, 235, 500)]],
        [[.. Arc(0.62f, 0.5f, 0.44f, 0.46f, 290, 180), .. Arc(0.5f, 0.7f, 0.32f, 0.25f, 180, 540)]],
        [[(0.14f, 0.05f), (0.86f, 0.05f), (0.4f, 0.96f)]],
        [Arc(0.5f, 0.27f, 0.28f, 0.22f, 0, 360), Arc(0.5f, 0.72f, 0.35f, 0.23f, 0, 360)],
        [[.. Arc(0.5f, 0.3f, 0.32f, 0.25f, 0, 360), .. Arc(0.38f, 0.5f, 0.44f, 0.46f, 0, 110)]],
    ];

    public static ReadOnlySpan<(float X, float Y)[]> Of(int digit) => Strokes[digit];

    /// <summary>Points of an ellipse's arc; degrees, 0 to the right, clockwise on the screen, either way round.</summary>
    private static (float X, float Y)[] Arc(float x, float y, float radiusX, float radiusY, float from, float to)
    {
        int steps = (int)Math.Ceiling(Math.Abs(to - from) / 20);
        return [.. Enumerable.Range(0, steps + 1).Select(i =>
        {
            float angle = (from + ((to - from) * i / steps)) * MathF.PI / 180;
            return (x + (radiusX * MathF.Cos(angle)), y + (radiusY * MathF.Sin(angle)));
        })];
    }
}
