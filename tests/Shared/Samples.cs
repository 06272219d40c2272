namespace QuantCluster.Tests;

/// <summary>The samples of the repository the tests were built in: always there, nothing to fetch.</summary>
internal static class Samples
{
    private static readonly string Directory = Find();

    /// <summary>The path of a file under <c>samples/</c>, e.g. <c>digits/digits.onnx</c>.</summary>
    public static string Path(string relative) => System.IO.Path.Combine(Directory, relative);

    private static string Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = System.IO.Path.Combine(at.FullName, "samples", "digits");
            if (System.IO.Directory.Exists(candidate))
                return System.IO.Path.GetDirectoryName(candidate)!;
        }

        throw new DirectoryNotFoundException($"no samples/ above {AppContext.BaseDirectory}");
    }
}
