using System.Collections.Concurrent;
using QuantCluster.Calibration;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search.Configuration;

/// <summary>
/// The ranges a tensor can take, from one calibration: every estimator's, and neighbours of it by a factor. Thread-safe.
/// </summary>
/// <param name="settings">Whose method is the default candidate.</param>
/// <param name="given">Tensors whose mapping was chosen before, with the model's channels, and what it is: their default; null for none.</param>
public sealed class RangeTable(CalibrationStatistics statistics, RangeSettings settings, IReadOnlyDictionary<string, AffineMapping>? given = null)
{
    private readonly ConcurrentDictionary<(QuantizationPoint Point, RangeCandidate Candidate), Lazy<(RealRange Range, string Method)>> _ranges = new();

    public RangeSettings Settings => settings;

    public RangeCandidate Default { get; } = new(settings.Method);

    /// <summary>Mappings that were chosen before: the defaults of their tensors.</summary>
    public IReadOnlyDictionary<string, AffineMapping> Given { get; } = given ?? new Dictionary<string, AffineMapping>();

    /// <summary>Those of the given tensors whose statistics are of the model that is quantized: estimators can be asked for them.</summary>
    public IReadOnlySet<string> Observed { get; init; } = new HashSet<string>();

    /// <summary>The estimators there are, the default one first.</summary>
    public IReadOnlyList<RangeCandidate> Estimators { get; } =
    [
        new(settings.Method),
        .. RangeEstimators.All.Select(e => e.Name).Where(n => n != "auto" && n != settings.Method).Select(n => new RangeCandidate(n)),
    ];

    /// <summary>What a tensor takes unless something else is chosen.</summary>
    public RangeCandidate DefaultOf(string tensor) => Given.ContainsKey(tensor) ? RangeCandidate.Given : Default;

    /// <summary>What tensors that share one mapping can take besides neighbours; nothing where only some of them were given one.</summary>
    public IReadOnlyList<RangeCandidate> CandidatesOf(IReadOnlyCollection<string> tensors) =>
        tensors.All(Given.ContainsKey) ? tensors.All(Observed.Contains) ? [RangeCandidate.Given, .. Estimators] : [RangeCandidate.Given]
        : tensors.Any(Given.ContainsKey) ? []
        : Estimators;

    /// <summary>The range of a point and who proposed it.</summary>
    public (RealRange Range, string Method) RangeOf(QuantizationPoint point, RangeCandidate candidate)
    {
        // What a range depends on does not include the point's group, nor who reads it as integers.
        QuantizationPoint key = point with { Group = "", FromIntegerKernel = false };
        return _ranges.GetOrAdd((key, candidate), k => new Lazy<(RealRange, string)>(() => Choose(k.Point, k.Candidate))).Value;
    }

    private (RealRange Range, string Method) Choose(QuantizationPoint point, RangeCandidate candidate)
    {
        (RealRange range, string method) = candidate.IsGiven
            ? (Given[point.Tensor].Representable, candidate.Estimator)
            : RangeSelection.ChooseRange(point, statistics, settings with { Method = candidate.Estimator });
        if (candidate.Factor == 1)
            return (range, method);

        // What must not be clipped is not narrowed; what its readers cannot tell apart is not added.
        double factor = point.MayClip ? candidate.Factor : Math.Max(1, candidate.Factor);
        RealRange limits = point.Effective ?? new RealRange(double.NegativeInfinity, double.PositiveInfinity);
        RealRange scaled = new(
            Math.Clamp(range.Minimum * factor, limits.Minimum, limits.Maximum),
            Math.Clamp(range.Maximum * factor, limits.Minimum, limits.Maximum));
        return (scaled, new RangeCandidate(method, factor).ToString());
    }
}
