using System.Globalization;
using System.Net.Sockets;
using QuantCluster.Cluster;
using QuantCluster.Workers;

namespace QuantCluster.Client.Cluster;

/// <summary>Workers that take items from a Redis server: come and go at will.</summary>
internal sealed class RedisClusterEngine : IClusterEngine
{
    public string Name => "redis";

    public string DefaultAddress => "127.0.0.1:6379";

    public async Task<ICluster> ConnectAsync(string address, JobStore store, CancellationToken cancellation) =>
        new RedisCluster(await RedisLink.ConnectAsync(address, cancellation));

    public IReadOnlyList<LocalService> ServicesOf(LocalClusterPlan plan)
    {
        string data = Directory.CreateDirectory(Path.Combine(plan.Folder, "redis")).FullName;
        return
        [
            new LocalService("redis", RedisProgram.Command(data, plan.Port)) { IsReady = () => Answers(plan.Port) },
            .. Enumerable.Range(1, plan.Workers).Select(i => new LocalService($"worker-{i}",
            [
                .. LocalProcess.Quant, "worker", "--engine", Name, "--cluster", AddressOf(plan), "--store", plan.Store,
                "--name", $"worker-{i}", "--cores", plan.Cores.ToString(CultureInfo.InvariantCulture),
            ])),
        ];
    }

    public string AddressOf(LocalClusterPlan plan) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{plan.Port}");

    private static bool Answers(int port)
    {
        try
        {
            using TcpClient client = new("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
