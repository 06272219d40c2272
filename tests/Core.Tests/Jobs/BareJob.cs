using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

/// <summary>A job's folder and what it is asked to do, where no model is needed: nobody reads the files it names.</summary>
internal static class BareJob
{
    /// <param name="model">Hash of the model.</param>
    public static JobSpecification Specify(string model = "aa") => new()
    {
        Tool = "1.0",
        Model = new JobInput("/m.onnx", model),
        Output = "/out.onnx",
        Settings = new JobSettings(),
    };

    public static JobDirectory Open(TemporaryFolder folder) => JobDirectory.Create(folder["job"], Specify());
}
