using System.Diagnostics;

namespace QuantCluster.Tests.Cluster;

public sealed class ClusterDownTests
{
    [Fact]
    public async Task Down_ends_exactly_what_up_started_and_jobs_stay()
    {
        Assert.SkipUnless(LocalClusterBench.CanRun, "NOT TESTED: no redis-server on the PATH (Debian: apt-get install redis-server).");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: looks into /proc");
        RedisClusterBench bench = new();
        await bench.InitializeAsync();

        // Of the same program, but not of this cluster.
        using Process other = Process.Start(new ProcessStartInfo("redis-server", ["--port", "0", "--unixsocket", bench.Files["other.socket"], "--save", ""]) { RedirectStandardOutput = true })!;
        try
        {
            int[] members = [.. bench.Members.Values];
            Assert.Equal(["redis", "worker-1", "worker-2"], bench.Members.Keys.Order());
            Assert.All(members, m => Assert.True(IsRunning(m)));
            string id = await bench.SubmitAsync("model.onnx", "--correct", "none");
            (await bench.RunAsync("watch", id)).MustSucceed();

            Quant.Result down = await bench.RunAsync("cluster", "down");
            Assert.Equal(0, down.Code);
            Assert.StartsWith("quant: ended redis, worker-1, worker-2; jobs are kept in ", down.Error);
            Assert.All(members, m => Assert.False(IsRunning(m)));
            Assert.False(other.HasExited);
            (await bench.RunAsync("fetch", id, "--out", "kept.onnx")).MustSucceed();

            Quant.Result again = await bench.RunAsync("cluster", "down");
            Assert.Equal((int)ExitCode.Usage, again.Code);
            Assert.Contains("no cluster runs there", again.Error);
        }
        finally
        {
            other.Kill();
            await other.WaitForExitAsync();
            await bench.DisposeAsync();
        }
    }

    /// <summary>One that has ended, and that no one has buried yet, is a Z.</summary>
    private static bool IsRunning(int id)
    {
        string file = $"/proc/{id}/stat";
        return File.Exists(file) && !File.ReadAllText(file).Contains(") Z ", StringComparison.Ordinal);
    }
}
