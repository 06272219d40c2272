using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>
/// The range that keeps most of the distribution's information: least Kullback–Leibler divergence between the
/// values' distribution (those beyond the range moved to its ends) and what is left of it when every integer's values
/// are spread evenly (S. Migacz, "8-bit inference with TensorRT", GTC 2017; here asymmetric: both ends are cut at the
/// same magnitude). Exact zeros, which every mapping keeps, are left out.
/// </summary>
internal sealed class Entropy : IRangeEstimator
{
    private const int Cells = 2048;

    public string Name => "entropy";

    public RealRange Estimate(TensorStatistics statistics, IntegerType type)
    {
        RealRange all = new RealRange(statistics.Minimum, statistics.Maximum).WithZero();
        FloatHistogram histogram = statistics.Histogram;
        if (histogram.Total == histogram.Zeros)
            return all;

        double cell = all.Magnitude / Cells;
        CellDistribution cells = new(histogram, cell, Cells);
        int levels = type.Maximum() - type.Minimum();
        (int Cut, double Divergence) best = (Cells, double.PositiveInfinity);
        // Steps of a hundredth and less: finer ones change nothing that 8 bits could show.
        for (int cut = Cells; cut >= Math.Min(128, levels / 2); cut -= 1 + (cut / 128))
        {
            double divergence = cells.Divergence(cut, levels);
            if (divergence < best.Divergence)
                best = (cut, divergence);
        }

        double magnitude = best.Cut * cell;
        return new RealRange(Math.Max(all.Minimum, -magnitude), Math.Min(all.Maximum, magnitude));
    }
}
