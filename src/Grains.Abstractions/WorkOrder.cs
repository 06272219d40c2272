namespace QuantCluster.Grains;

/// <summary>
/// A work item on its way to a silo. Its inputs are settings and names of blobs: whoever gets it reads the values
/// themselves from the job store.
/// </summary>
/// <param name="Job">The job's id: each silo knows where it sees the store.</param>
/// <param name="Stamp">Hash of what the job was asked to do: another stamp, another job in the same folder.</param>
/// <param name="Version">The program's build that asks: results of another might differ.</param>
/// <param name="Key">The item's key: equal keys, equal results.</param>
/// <param name="Kind">What does it, e.g. <c>calibrate-block</c>.</param>
/// <param name="Argument">Which part of the stage.</param>
/// <param name="Inputs">All else that the result depends on.</param>
/// <param name="IsAnew">Whether it is to be done although it was answered lately: that answer was of no use.</param>
[GenerateSerializer, Immutable, Alias("QuantCluster.WorkOrder")]
public sealed record WorkOrder(
    [property: Id(0)] string Job,
    [property: Id(1)] string Stamp,
    [property: Id(2)] string Version,
    [property: Id(3)] string Key,
    [property: Id(4)] string Kind,
    [property: Id(5)] string Argument,
    [property: Id(6)] string[] Inputs,
    [property: Id(7)] bool IsAnew = false);
