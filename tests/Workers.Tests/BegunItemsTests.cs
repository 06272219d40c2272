using System.Diagnostics;
using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Workers;

public sealed class BegunItemsTests
{
    [Fact]
    public async Task Two_processes_that_begin_the_same_items_at_once_are_both_counted()
    {
        const int Items = 400;
        using TemporaryFolder folder = new();
        JobStore store = JobStore.Open(folder.Path);
        Directory.CreateDirectory(Path.Combine(store.Jobs, "job-1"));
        Process[] both = [.. Enumerable.Range(0, 2).Select(_ => Process.Start(new ProcessStartInfo(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "contract-worker.dll"), "begin", folder.Path, "job-1", Items.ToString(CultureInfo.InvariantCulture), folder["go"]])
        { RedirectStandardOutput = true })!)];
        foreach (Process process in both)
            Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        File.WriteAllBytes(folder["go"], []);
        foreach (Process process in both)
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
            process.Dispose();
        }

        // Each began each item twice: a fifth beginning is still allowed, a sixth is not.
        BegunItems begun = new(store, "job-1");
        Assert.All(Enumerable.Range(0, Items).Select(Hashing.Item), item =>
        {
            Assert.Null(begun.Begin(item));
            Assert.Contains("so it is quarantined", begun.Begin(item));
            begun.End(item);
            Assert.Null(begun.Begin(item));
        });
    }
}
