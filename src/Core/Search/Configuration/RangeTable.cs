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
/// <param name="given">Tensors whose mapping is not to be chosen, and what it is; null for none.</param>
public sealed class RangeTable(CalibrationStatistics statistics, RangeSettings settings, IReadOnlyDictionary<string, AffineMapping>? given = null)
{
    private readonly ConcurrentDictionary<(QuantizationPoint Point, RangeCandidate Candidate), Lazy<(RealRange Range, string Method)>> _ranges = new();

    public RangeSettings Settings => settings;

    public RangeCandidate Default { get; } = new(settings.Method);

    /// <summary>Mappings that are not to be chosen.</summary>
    public IReadOnlyDictionary<string, AffineMapping> Given { get; } = given ?? new Dictionary<string, AffineMapping>();

    /// <summary>The estimators there are, the default one first.</summary>
    public IReadOnlyList<RangeCandidate> Estimators { get; } =
    [
        new(settings.Method),
        .. RangeEstimators.All.Select(e => e.Name).Where(n => n != "auto" && n != settings.Method).Select(n => new RangeCandidate(n)),
    ];

    /// <summary>The range of a point and who proposed it.</summary>
    public (RealRange Range, string Method) RangeOf(QuantizationPoint point, RangeCandidate candidate)
    {
        // What a range depends on does not include the point's group, nor who reads it as integers.
        QuantizationPoint key = point with { Group = "", FromIntegerKernel = false };
        return _ranges.GetOrAdd((key, candidate), k => new Lazy<(RealRange, string)>(() => Choose(k.Point, k.Candidate))).Value;
    }

    private (RealRange Range, string Method) Choose(QuantizationPoint point, RangeCandidate candidate)
    {
        (RealRange range, string method) = RangeSelection.ChooseRange(point, statistics, settings with { Method = candidate.Estimator });
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
