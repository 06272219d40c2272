using System.Runtime.CompilerServices;
using QuantCluster.Jobs;

namespace QuantCluster.Bench;

/// <summary>An engine that is not told what items have in common: workers are given them as they come.</summary>
internal sealed class PlainEngine(IWorkEngine engine) : IWorkEngine
{
    public string Name => engine.Name;

    public bool IsRemote => engine.IsRemote;

    public IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, CancellationToken cancellation = default) =>
        engine.ExecuteAsync(job, Bare(items, cancellation), cancellation);

    private static async IAsyncEnumerable<WorkItem> Bare(IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (WorkItem item in items.WithCancellation(cancellation))
            yield return item with { Affinity = [] };
    }
}
