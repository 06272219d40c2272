using System.Runtime.CompilerServices;
using QuantCluster.Jobs;

namespace QuantCluster.Bench;

/// <summary>Adds up how long workers had items in hand.</summary>
internal sealed class TimedEngine(IWorkEngine engine) : IWorkEngine
{
    public string Name => engine.Name;

    public bool IsRemote => engine.IsRemote;

    /// <summary>Seconds of all items so far.</summary>
    public double Seconds { get; private set; }

    public async IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (WorkResult result in engine.ExecuteAsync(job, items, cancellation))
        {
            Seconds += result.Elapsed.TotalSeconds;
            yield return result;
        }
    }
}
