using System.Globalization;
using System.Runtime.CompilerServices;
using QuantCluster.Jobs;

namespace QuantCluster.Tests;

/// <summary>An engine that is given every item as one of a layer's candidates: of as many layers as are asked for, in turn.</summary>
internal sealed class Layered(IWorkEngine engine, int layers = 4) : IWorkEngine
{
    public string Name => engine.Name;

    public bool IsRemote => engine.IsRemote;

    /// <summary>The layers' ids.</summary>
    public static IEnumerable<string> Ids(int layers) => Enumerable.Range(0, layers).Select(i => string.Create(CultureInfo.InvariantCulture, $"layer {i}"));

    public IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, CancellationToken cancellation = default) =>
        engine.ExecuteAsync(job, OfLayers(items, cancellation), cancellation);

    private async IAsyncEnumerable<WorkItem> OfLayers(IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string[] ids = [.. Ids(layers)];
        int next = 0;
        await foreach (WorkItem item in items.WithCancellation(cancellation))
            yield return item with { Layers = [ids[next++ % ids.Length]] };
    }
}
