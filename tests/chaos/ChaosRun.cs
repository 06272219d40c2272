using System.Diagnostics;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Search;

namespace QuantCluster.Tests.Chaos;

/// <summary>
/// Jobs run one after another on a cluster that is broken all the time, in every way a cluster breaks. Each must end,
/// in the bytes it would have come to undisturbed.
/// </summary>
internal static class ChaosRun
{
    private const int Workers = 3;
    private const double LeaseSeconds = 1.5;

    private static readonly TimeSpan PatienceWithAJob = TimeSpan.FromMinutes(5);

    // Jobs that differ, so that none finds the work of another done.
    private static readonly (JobSettings Settings, SearchSettings? Search)[] Kinds =
    [
        (new() { Correct = Corrections.CorrectionMode.None }, null),
        (new() { Correct = Corrections.CorrectionMode.None, Speed = SpeedMode.Ignore }, DigitsJob.Search),
        (new() { Method = RangeMethod.Entropy, Correct = Corrections.CorrectionMode.Bias }, null),
        (new() { Method = RangeMethod.Mse, Granularity = WeightGranularity.Tensor }, null),
        (new(), null),
    ];

    public static async Task<ChaosResult> RunAsync(TimeSpan time, int seed, Action<string> say, bool silos = false)
    {
        say($"chaos: {(silos ? "orleans" : "redis")}, seed {seed}");
        using SmallDisk disk = new();
        using TestCluster cluster = new(LeaseSeconds, disk.Folder, silos);
        Faults faults = new(cluster, disk, new Random(seed), say, silos);
        for (int i = 0; i < Workers; i++)
            cluster.AddWorker();
        List<(byte[] Model, IReadOnlyList<string> Journal)> undisturbed = [];
        foreach ((JobSettings settings, SearchSettings? search) in Kinds)
            undisturbed.Add(await DigitsJob.RunAloneAsync(settings, search));

        int jobs = 0, unlike = 0, lost = 0, repeated = 0;
        long begun = Stopwatch.GetTimestamp();
        for (int round = 0; round == 0 || Stopwatch.GetElapsedTime(begun) < time; round++)
        {
            int kind = round % Kinds.Length;
            StoredJob job = cluster.Submit(Kinds[kind].Settings, Kinds[kind].Search);
            using CancellationTokenSource over = new();
            Task disturbing = faults.InjectAsync(job, over.Token);
            JobState state = await cluster.FinishAsync(job, PatienceWithAJob);
            await over.CancelAsync();
            await disturbing;
            jobs++;
            IReadOnlyList<string> journal = TestCluster.JournalOf(job);
            bool same = state.Phase == JobPhase.Finished && TestCluster.ResultOf(job).AsSpan().SequenceEqual(undisturbed[kind].Model);
            int missing = undisturbed[kind].Journal.Except(journal).Count(), twice = Math.Max(0, journal.Count - journal.Distinct().Count() - faults.Damaged);
            (unlike, lost, repeated) = (unlike + (same ? 0 : 1), lost + missing, repeated + twice);
            say($"chaos: {job.Id} {state.Phase.ToString().ToLowerInvariant()} after {state.Coordinators} coordinators, {(same ? "same bytes" : $"OTHER BYTES {state.Message}")}, {missing} lost, {twice} twice");
            if (!same)
                say(File.ReadAllText(job.LogFile));
            await RemoveAsync(job.Folder);
        }

        return new ChaosResult(faults.Counts, jobs, unlike, lost, repeated, Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    /// <summary>A worker that was frozen or is late may still write something of a finished job for a moment.</summary>
    private static async Task RemoveAsync(string folder)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (IOException) when (attempt < 50)
            {
                await Task.Delay(200);
            }
        }
    }
}
