using System.Diagnostics;

namespace QuantCluster.Bench;

/// <summary>Times alternatives in turns, so that a machine's slow moments meet all of them alike.</summary>
internal static class Interleaved
{
    /// <summary>Median milliseconds of each, after one round that warms up.</summary>
    public static double[] Medians(IReadOnlyList<Action> bodies, int rounds)
    {
        double[][] times = [.. bodies.Select(_ => new double[rounds])];
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < bodies.Count; i++)
            {
                Stopwatch watch = Stopwatch.StartNew();
                bodies[i]();
                if (round >= 0)
                    times[i][round] = watch.Elapsed.TotalMilliseconds;
            }
        }

        return [.. times.Select(Median)];
    }

    private static double Median(double[] times)
    {
        Array.Sort(times);
        return (times[times.Length / 2] + times[(times.Length - 1) / 2]) / 2;
    }
}
