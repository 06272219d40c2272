using System.Globalization;
using System.Runtime.InteropServices;
using QuantCluster.Cluster;
using QuantCluster.Tests;
using QuantCluster.Tests.Jobs;
using QuantCluster.Workers;

// contract-worker begin ...: see Beginnings. Otherwise contract-worker REDIS STORE NAME CORES LEASE-MS: a real worker
// whose jobs' items are the contract's.
if (args is [Beginnings.Command, .. var what])
    return Beginnings.Run(what);
JobStore store = JobStore.Open(args[1]);
WorkerSettings settings = new()
{
    Name = args[2],
    Cores = int.Parse(args[3], CultureInfo.InvariantCulture),
    Jobs = 0,
    Version = "contract",
    Timing = new RedisTiming { Lease = TimeSpan.FromMilliseconds(int.Parse(args[4], CultureInfo.InvariantCulture)) },
};
using CancellationTokenSource leave = new();
using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    leave.Cancel();
});
await using RedisLink link = await RedisLink.ConnectAsync(args[0]);
RedisWorker worker = new(
    link, store, settings,
    id => new OpenedJob(Hashing.Open(Path.Combine(store.Jobs, id)), () => { }),
    line => Console.Error.WriteLine($"{settings.Name}: {line}"));
await worker.RunAsync(leave.Token);
return 0;
