using System.Text;
using QuantCluster.Jobs;
using QuantCluster.Reporting.Plots;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Reporting;

/// <summary>Draws what each layer costs: a picture that stands alone.</summary>
public static class SensitivityFiles
{
    /// <exception cref="QuantException">It cannot be written.</exception>
    public static void Draw(SensitivityResult result, string path) => AtomicFile.Write(path, Encoding.UTF8.GetBytes(
        Plots.Picture.Alone(SensitivityPlot.Draw($"{Path.GetFileName(result.Model)}: what each layer costs", result.Layers))));
}
