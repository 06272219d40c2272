using System.Runtime.ExceptionServices;

namespace QuantCluster.Inference;

/// <summary>
/// Work on samples that do not depend on each other, several at a time: models of small layers gain more from samples
/// side by side than from threads inside a run.
/// </summary>
internal static class EachSample
{
    /// <summary>How many samples run side by side for a number of threads; 0 stands for every core.</summary>
    public static int AtOnce(int threads) => threads > 0 ? threads : Environment.ProcessorCount;

    /// <summary>Calls <paramref name="work"/> for 0 .. <paramref name="count"/> − 1, in no particular order.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <remarks>What <paramref name="work"/> throws comes through as it is: the first by index of those that were met.</remarks>
    public static void Run(int count, int threads, CancellationToken cancellation, Action<int> work)
    {
        Exception?[] failures = new Exception?[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce(threads), CancellationToken = cancellation }, (i, state) =>
        {
            try
            {
                work(i);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failures[i] = e;
                state.Stop();
            }
        });
        if (failures.FirstOrDefault(f => f is not null) is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }
}
