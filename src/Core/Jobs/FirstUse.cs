using QuantCluster.Inference;

namespace QuantCluster.Jobs;

/// <summary>
/// What costs a process once: loading ONNX Runtime, and making ready to write and read the values of a job. Begun in the
/// background while the model is read, a short job does not wait for it.
/// </summary>
public static class FirstUse
{
    /// <summary>Returns at once. What fails here fails again, and is told, where it is needed.</summary>
    public static void Begin()
    {
        _ = Task.Run(() => ModelSession.RuntimeVersion);
        _ = Task.Run(WriteAndRead);
    }

    private static void WriteAndRead()
    {
        JobSpecification specification = new() { Tool = "", Model = new JobInput("", ""), Output = "", Settings = new JobSettings() };
        _ = JobSpecification.Parse(specification.ToBytes(), "");
    }
}
