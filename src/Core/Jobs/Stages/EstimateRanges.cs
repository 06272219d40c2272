using System.Globalization;
using System.Text.Json;
using QuantCluster.Calibration;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: scale and zero point of some groups of points, counted in the plan's order.</summary>
internal sealed class EstimateRanges(QuantizationPlan plan, CalibrationStatistics statistics, RangeSettings settings) : IWorkHandler
{
    public const string KindName = "estimate-ranges";

    private readonly string[] _groups = [.. plan.Points.Select(p => p.Group).Distinct()];

    public string Kind => KindName;

    public ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        int[] ends = [.. item.Argument.Split("..").Select(e => int.Parse(e, CultureInfo.InvariantCulture))];
        HashSet<string> groups = [.. _groups[ends[0]..ends[1]]];
        QuantizationPlan part = plan with { Layers = [], Points = [.. plan.Points.Where(p => groups.Contains(p.Group))] };
        IReadOnlyDictionary<string, ActivationChoice> activations = RangeSelection.ChooseActivations(part, statistics, settings);
        return ValueTask.FromResult(CanonicalJson.Serialize(activations, StageJson.Default.IReadOnlyDictionaryStringActivationChoice));
    }

    public static IReadOnlyDictionary<string, ActivationChoice> Parse(ReadOnlySpan<byte> result) =>
        JsonSerializer.Deserialize(result, StageJson.Default.IReadOnlyDictionaryStringActivationChoice)!;
}
