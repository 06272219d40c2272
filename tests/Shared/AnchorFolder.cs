namespace QuantCluster.Tests;

/// <summary>Where the anchor models are: <c>QUANT_ANCHORS</c>, or <c>shared/anchors</c> beside a parent of the program.</summary>
internal static class AnchorFolder
{
    /// <summary>Null where there are none.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable("QUANT_ANCHORS") is { Length: > 0 } set)
            return Directory.Exists(set) ? set : null;
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "anchors");
            if (Directory.Exists(candidate))
                return candidate;
        }

        return null;
    }
}
