namespace QuantCluster.Bench;

/// <summary>A temporary folder that goes when it is disposed.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("quant-bench-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
