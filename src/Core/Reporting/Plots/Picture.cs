namespace QuantCluster.Reporting.Plots;

/// <summary>Plots outside of the page.</summary>
internal static class Picture
{
    private const string Start = "<svg ";

    /// <summary>The plot as a file of its own, which needs its namespace named.</summary>
    public static string Alone(Markup plot) => $"{Start}xmlns=\"http://www.w3.org/2000/svg\" {plot.Text[Start.Length..]}\n";
}
