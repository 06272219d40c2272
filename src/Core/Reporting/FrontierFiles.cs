using QuantCluster.Jobs;
using QuantCluster.Reporting.Plots;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Reporting;

/// <summary>Writes a frontier for people: <c>frontier.svg</c>, a picture that stands alone.</summary>
public static class FrontierFiles
{
    public const string Picture = "frontier.svg";

    /// <returns>The picture's path.</returns>
    /// <exception cref="QuantException">It cannot be written.</exception>
    public static string Write(FrontierResult frontier, string folder, OutputFiles? files = null)
    {
        string path = Path.Combine(folder, Picture);
        (files ?? OutputFiles.InPlace).Write(path, System.Text.Encoding.UTF8.GetBytes(Draw(frontier)));
        return path;
    }

    public static string Draw(FrontierResult frontier) => Plots.Picture.Alone(FrontierPlot.Draw(frontier));
}
