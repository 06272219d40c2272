namespace QuantCluster.Search.Objectives;

/// <summary>What the task metric falls, sample by sample, in the metric's own unit. Needs the truth of the calibration data.</summary>
internal sealed class TaskLoss : IObjective
{
    public string Name => "task";

    public double[] Errors(IReadOnlyList<SampleError[]> samples) => [.. samples.Select(outputs => outputs.Length > 0 && outputs[0].TaskLoss is { } loss
        ? loss
        : throw new QuantException(ExitCode.Usage, "--objective task needs the truth of the calibration data: give its spec (--data) a 'metric', and 'labels' where the metric needs them."))];
}
