using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Bench;

/// <summary>This process alone, for comparison.</summary>
internal sealed class LocalScaleCluster : ScaleCluster
{
    private readonly ScratchFolder _folder = new();

    public LocalScaleCluster(int workers)
    {
        Store = JobStore.Open(_folder.Path);
        Engine = new LocalEngine(workers);
    }

    public override string Name => "local";

    public override JobStore Store { get; }

    public override IWorkEngine Engine { get; }

    public override ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
