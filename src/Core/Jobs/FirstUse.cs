using QuantCluster.Inference;

namespace QuantCluster.Jobs;

/// <summary>
/// What costs a process once: loading ONNX Runtime, and making ready to write and read the values of a job. Begun in the
/// background while the model is read, a short job does not wait for it.
/// </summary>
public static class FirstUse
{
    private static Task _begun = Task.CompletedTask;

    /// <summary>Returns at once. What fails here fails again, and is told, where it is needed.</summary>
    public static void Begin() => _begun = Task.WhenAll(Task.Run(() => ModelSession.RuntimeVersion), Task.Run(WriteAndRead));

    /// <summary>Waits for what was begun: a process that ends while a library is being loaded crashes now and then.</summary>
    public static void End() => Task.WaitAny(_begun);

    private static void WriteAndRead()
    {
        JobSpecification specification = new() { Tool = "", Model = new JobInput("", ""), Output = "", Settings = new JobSettings() };
        _ = JobSpecification.Parse(specification.ToBytes(), "");
    }
}
