namespace QuantCluster.Tests;

/// <summary>
/// The real models and data that stand beside a developer's checkout (<c>../shared/anchors</c>, or
/// <c>QUANT_ANCHORS</c>). Tests that need them skip, and say so, where they are not.
/// </summary>
internal static class Anchors
{
    private static readonly string? Directory = AnchorFolder.Find();

    /// <summary>The path of a file under the anchors; skips the calling test where there are none.</summary>
    public static string Path(string relative)
    {
        Assert.SkipWhen(Directory is null, "skipped: the anchor models are not here (set QUANT_ANCHORS to their folder)");
        return System.IO.Path.Combine(Directory!, relative);
    }

    public static string Model(string file) => Path(System.IO.Path.Combine("models", file));

    public static string Case(string file) => Path(System.IO.Path.Combine("cases", file));
}
