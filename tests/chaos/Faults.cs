using QuantCluster.Cluster;
using StackExchange.Redis;

namespace QuantCluster.Tests.Chaos;

/// <summary>Ways to break a cluster, one at random every moment; each is mended again by whoever would mend it in life.</summary>
internal sealed class Faults
{
    private const int Keep = 3;

    private readonly TestCluster _cluster;
    private readonly SmallDisk _disk;
    private readonly Random _random;
    private readonly (int Least, int Most) _pause;
    private readonly Action<string> _say;
    private readonly Dictionary<string, Func<StoredJob, Task<bool>>> _kinds;
    private readonly Dictionary<string, int> _counts = [];

    public Faults(TestCluster cluster, SmallDisk disk, Random random, Action<string> say, bool silos)
    {
        // A silo takes seconds to come, and the others to learn of it.
        _pause = silos ? (1500, 6000) : (150, 900);
        (_cluster, _disk, _random, _say) = (cluster, disk, random, say);
        _kinds = new()
        {
            ["workers killed"] = KillWorkerAsync,
            ["coordinators killed"] = KillCoordinatorAsync,
            ["workers hung past their lease"] = HangAsync,
            ["Redis restarts"] = RestartRedisAsync,
            ["blobs damaged"] = DamageAsync,
            ["workers asked to leave"] = LeaveAsync,
        };
        if (!silos)
        {
            // Silos keep their membership there, and no results.
            _kinds["Redis emptied"] = EmptyRedisAsync;
            _kinds["results duplicated"] = DuplicateAsync;
        }

        if (disk.CanBeFilled)
            _kinds["disk full"] = FillDiskAsync;
        else
            say("chaos: no file system can be mounted here (not root): the disk is not filled");
    }

    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>Blobs damaged in the present job: their items may be journalled again.</summary>
    public int Damaged { get; private set; }

    /// <summary>Breaks things until the job is over.</summary>
    public async Task InjectAsync(StoredJob job, CancellationToken over)
    {
        Damaged = 0;
        string[] names = [.. _kinds.Keys];
        while (!over.IsCancellationRequested)
        {
            await PauseAsync(_random.Next(_pause.Least, _pause.Most), over);
            if (over.IsCancellationRequested)
                break;
            string name = names[_random.Next(names.Length)];
            if (await _kinds[name](job))
            {
                _counts[name] = _counts.GetValueOrDefault(name) + 1;
                _say($"chaos:   {name}");
            }

            Refill();
        }
    }

    /// <summary>As an orchestrator would: as many workers as there should be.</summary>
    private void Refill()
    {
        foreach (WorkerProcess gone in _cluster.Workers.Where(w => w.HasExited).ToArray())
        {
            _cluster.Workers.Remove(gone);
            gone.Dispose();
        }

        while (_cluster.Workers.Count < Keep)
            _cluster.AddWorker();
    }

    private Task<bool> KillWorkerAsync(StoredJob job)
    {
        _cluster.Workers[_random.Next(_cluster.Workers.Count)].Kill();
        return Task.FromResult(true);
    }

    private Task<bool> KillCoordinatorAsync(StoredJob job)
    {
        if (_cluster.Workers.FirstOrDefault(w => w.Name == job.ReadState().Coordinator) is not { } coordinator)
            return Task.FromResult(false);
        coordinator.Kill();
        return Task.FromResult(true);
    }

    private async Task<bool> HangAsync(StoredJob job)
    {
        WorkerProcess worker = _cluster.Workers[_random.Next(_cluster.Workers.Count)];
        worker.Hang();
        await Task.Delay(2500);
        worker.WakeUp();
        return true;
    }

    private async Task<bool> RestartRedisAsync(StoredJob job)
    {
        _cluster.Redis.Kill();
        await Task.Delay(_random.Next(0, 700));
        _cluster.Redis.Start();
        return true;
    }

    private Task<bool> EmptyRedisAsync(StoredJob job) => WithRedisAsync(async redis =>
    {
        await redis.ExecuteAsync("FLUSHALL");
        return true;
    });

    /// <summary>Every result that waits to be read comes a second time, and every item too.</summary>
    private Task<bool> DuplicateAsync(StoredJob job) => WithRedisAsync(async redis =>
    {
        bool any = false;
        foreach (RedisResult key in (RedisResult[])(await redis.ExecuteAsync("KEYS", "quant:*"))!)
        {
            string name = key.ToString()!;
            if (!name.EndsWith(":results", StringComparison.Ordinal) && !name.EndsWith(":items", StringComparison.Ordinal))
                continue;
            foreach (StreamEntry entry in await redis.StreamRangeAsync(name))
            {
                await redis.StreamAddAsync(name, entry.Values);
                any = true;
            }
        }

        return any;
    });

    private async Task<bool> DamageAsync(StoredJob job)
    {
        string folder = Path.Combine(job.Folder, "blobs");
        if (!Directory.Exists(folder))
            return false;
        string[] blobs = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).Length == 64)];
        if (blobs.Length == 0)
            return false;
        Damaged += 3;
        string blob = blobs[_random.Next(blobs.Length)];
        byte[] bytes = await File.ReadAllBytesAsync(blob);
        bytes[_random.Next(bytes.Length)] ^= 1;
        File.WriteAllBytes(blob, bytes);

        // Found by whoever reads it next, at the latest the next coordinator.
        _ = await KillCoordinatorAsync(job);
        return true;
    }

    private async Task<bool> FillDiskAsync(StoredJob job)
    {
        _disk.Fill();
        await Task.Delay(_random.Next(300, 1200));
        _disk.Free();
        return true;
    }

    private async Task<bool> LeaveAsync(StoredJob job)
    {
        await _cluster.Workers[_random.Next(_cluster.Workers.Count)].LeaveAsync(TimeSpan.FromSeconds(90));
        return true;
    }

    private async Task<bool> WithRedisAsync(Func<IDatabase, Task<bool>> act)
    {
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{_cluster.Redis.Address},allowAdmin=true,protocol=resp2");
        return await act(connection.GetDatabase());
    }

    private static async Task PauseAsync(int milliseconds, CancellationToken over)
    {
        try
        {
            await Task.Delay(milliseconds, over);
        }
        catch (OperationCanceledException)
        {
            // The job is over.
        }
    }
}
