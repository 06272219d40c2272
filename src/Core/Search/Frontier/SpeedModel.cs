using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Search.Frontier;

/// <summary>A model that was timed as a whole.</summary>
/// <param name="Plan">What of it runs on integers.</param>
/// <param name="Relative">Its time over the float model's.</param>
internal readonly record struct TimedPlan(QuantizationPlan Plan, double Relative);

/// <summary>
/// Foretells the time of a model in which only some layers run on integers, from each layer's measured time in both
/// models: float time, less what its layers gain, plus what conversions at their borders cost, by number and by value.
/// Whole models that were timed correct it.
/// </summary>
internal sealed class SpeedModel : ISpeedModel
{
    private const int Terms = 4;

    /// <summary>How far measured models may move the terms away from the profile's: small, they are few and noisy.</summary>
    private static readonly double[] Freedom = [0.1, 0.3, 0.5, 0.5];

    private readonly OnnxModel _prepared;
    private readonly IReadOnlyDictionary<string, TensorShape> _shapes;
    private readonly Dictionary<string, double> _gains;
    private readonly double _gainOfNode;
    private readonly double _conversion;
    private readonly double _element;
    private double[] _weights = [1, 1, 1, 1];

    /// <param name="plan">The plan that was profiled, with every layer quantized.</param>
    /// <param name="profile">Each layer's time in the float model and with every layer quantized.</param>
    public SpeedModel(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan, LatencyProfile profile)
    {
        _prepared = prepared;
        _shapes = shapes;
        double unit = profile.FloatMs;
        _gains = profile.Layers.ToDictionary(l => l.Id, l => l.FloatMs is { } f && l.IntegerMs is { } i ? (f - (i - (l.ConversionMs ?? 0))) / unit : 0);
        double layers = _gains.Values.Sum(), conversions = profile.Layers.Sum(l => l.ConversionMs ?? 0) / unit;

        // Additions, pooling and the like between the layers: what the whole gained and no layer did.
        double rest = ((profile.FloatMs - profile.IntegerMs) / unit) - layers + conversions;
        _gainOfNode = plan.IntegerNodes.Count == 0 ? 0 : rest / plan.IntegerNodes.Count;
        Border border = Border.Of(prepared, shapes, plan);

        // A few conversions of the whole tell what one costs; half of it is for starting a kernel.
        _conversion = border.Conversions == 0 ? 0 : Math.Max(conversions, Least) / 2 / border.Conversions;
        _element = border.Elements == 0 ? 0 : Math.Max(conversions, Least) / 2 / border.Elements;
    }

    /// <summary>Share of the float time that conversions cost at least, where the profile says nothing of them.</summary>
    private const double Least = 0.01;

    /// <inheritdoc/>
    public double GainOf(string layer) => _gains.GetValueOrDefault(layer);

    /// <inheritdoc/>
    public double Predict(QuantizationPlan plan)
    {
        double[] terms = TermsOf(plan);
        double sum = 0;
        for (int t = 0; t < Terms; t++)
            sum += _weights[t] * terms[t];
        return Math.Max(0.01, sum);
    }

    /// <summary>Moves the terms' weights towards what whole models took, by regularized least squares.</summary>
    public void Fit(IReadOnlyList<TimedPlan> measured)
    {
        double[,] normal = new double[Terms, Terms + 1];
        foreach (TimedPlan timed in measured)
        {
            double[] terms = TermsOf(timed.Plan);
            double residual = timed.Relative - terms.Sum();
            for (int i = 0; i < Terms; i++)
            {
                for (int j = 0; j < Terms; j++)
                    normal[i, j] += terms[i] * terms[j];
                normal[i, Terms] += terms[i] * residual;
            }
        }

        // The noise of a measured ratio, about two percent, against the freedom of each weight.
        const double Noise = 0.02;
        for (int i = 0; i < Terms; i++)
            normal[i, i] += Noise * Noise / (Freedom[i] * Freedom[i]);
        double[] moves = Solve(normal);
        _weights = [.. moves.Select((m, i) => Math.Max(i == 0 ? 0.5 : 0, 1 + m))];
    }

    private double[] TermsOf(QuantizationPlan plan)
    {
        if (plan.Layers.Count == 0)
            return [1, 0, 0, 0];
        Border border = Border.Of(_prepared, _shapes, plan);
        double gain = plan.Layers.Sum(l => GainOf(l.Id)) + (plan.IntegerNodes.Count * _gainOfNode);
        return [1, -gain, border.Conversions * _conversion, border.Elements * _element];
    }

    /// <summary>Gaussian elimination of a symmetric positive definite system.</summary>
    private static double[] Solve(double[,] a)
    {
        int n = a.GetLength(0);
        for (int p = 0; p < n; p++)
        {
            for (int row = p + 1; row < n; row++)
            {
                double factor = a[row, p] / a[p, p];
                for (int column = p; column <= n; column++)
                    a[row, column] -= factor * a[p, column];
            }
        }

        double[] x = new double[n];
        for (int row = n - 1; row >= 0; row--)
        {
            double sum = a[row, n];
            for (int column = row + 1; column < n; column++)
                sum -= a[row, column] * x[column];
            x[row] = sum / a[row, row];
        }

        return x;
    }
}
