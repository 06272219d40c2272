using System.Text.Json;
using QuantCluster.Calibration;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: scale and zero point of some groups of points, counted in the plan's order.</summary>
internal sealed class EstimateRanges(JobValues values) : IWorkHandler
{
    public const string KindName = "estimate-ranges";

    /// <summary>Groups an item: enough that writing the result down costs less than making it.</summary>
    private const int GroupsPerItem = 8;

    public string Kind => KindName;

    public static WorkItem[] ItemsOf(QuantizationPlan plan, string tool, BlobId planBlob, BlobId statistics, string method) =>
        [.. SampleRange.Blocks(Groups(plan).Length, GroupsPerItem).Select(groups => new WorkItem(KindName, groups, tool, planBlob.Value, statistics.Value, method))];

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        QuantizationPlan plan = await values.PlanAsync(BlobId.Parse(item.Inputs[1]));
        CalibrationStatistics statistics = await values.StatisticsAsync(BlobId.Parse(item.Inputs[2]));
        HashSet<string> groups = [.. Groups(plan)[SampleRange.Parse(item.Argument)]];
        QuantizationPlan part = plan with { Layers = [], Points = [.. plan.Points.Where(p => groups.Contains(p.Group))] };
        IReadOnlyDictionary<string, ActivationChoice> activations =
            RangeSelection.ChooseActivations(part, statistics, RangeSettings.Default with { Method = item.Inputs[3] });
        return CanonicalJson.Serialize(activations, StageJson.Default.IReadOnlyDictionaryStringActivationChoice);
    }

    public static IReadOnlyDictionary<string, ActivationChoice> Parse(ReadOnlySpan<byte> result) =>
        JsonSerializer.Deserialize(result, StageJson.Default.IReadOnlyDictionaryStringActivationChoice)!;

    private static string[] Groups(QuantizationPlan plan) => [.. plan.Points.Select(p => p.Group).Distinct()];
}
