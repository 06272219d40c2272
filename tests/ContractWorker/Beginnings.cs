using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>A process that begins items and dies with all of them, as far as anyone can tell: it never ends one.</summary>
internal static class Beginnings
{
    /// <summary>First argument of the program, before the store, the job, how many items, and a file that says go.</summary>
    public const string Command = "begin";

    public static int Run(string[] arguments)
    {
        JobStore store = JobStore.Open(arguments[0]);
        int items = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        Console.WriteLine("ready");
        while (!File.Exists(arguments[3]))
            Thread.SpinWait(100);
        for (int i = 0; i < items; i++)
        {
            BegunItems begun = new(store, arguments[1]);
            begun.Begin(Hashing.Item(i));
            begun.Begin(Hashing.Item(i));
        }

        return 0;
    }
}
