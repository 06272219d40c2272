using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

/// <summary>Whole jobs whose search has a size to keep to.</summary>
public sealed class SizeSearchJobTests : IDisposable
{
    private static readonly SearchSettings Search = new() { Trials = 130, Orders = ["topological"] };

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_search_ends_within_the_size_and_is_no_worse_than_layers_ranked_one_by_one()
    {
        JobOutcome eight = await RunAsync("eight", new JobSettings { Speed = SpeedMode.Ignore }, null);
        JobSettings small = new() { MaximumSize = new Limit(0.8 * eight.Bytes, false), Weights = WeightType.Auto };
        JobOutcome outcome = await RunAsync("small", small, Search);
        Assert.InRange(outcome.Bytes, 0, 0.8 * eight.Bytes);
        SearchOutcome search = SearchOutcomeFile.Load(_folder["small"]);
        Assert.Contains(search.Layers, l => l.Precision.StartsWith("int8 with int4 weights", StringComparison.Ordinal));
        Assert.InRange(search.Winner.Bytes, 1, (long)(0.8 * eight.Bytes));
        Assert.Contains(search.Points, p => p.Origin == SearchPoint.SizeOrigin);

        // Both were candidates of the frontier: the most accurate of all that keep to the size was chosen.
        FrontierResult frontier = FrontierFile.Load(_folder["small"]);
        FrontierPoint chosen = PointChoice.Choose(frontier, new FrontierConstraints { MaximumSize = small.MaximumSize })!;
        Assert.Equal(outcome.Bytes, chosen.Bytes);
        JobOutcome ranked = await RunAsync("ranked", small, null);
        FrontierPoint other = FrontierFile.Load(_folder["ranked"]).Points.Where(p => p.Origin.StartsWith("INT4", StringComparison.Ordinal) && p.Bytes <= 0.8 * eight.Bytes).MinBy(p => p.Error)!;
        Assert.True(chosen.Error <= other.Error * 1.001, $"{chosen.Error} with a search, {other.Error} without");
        Assert.InRange(ranked.Bytes, 0, 0.8 * eight.Bytes);
    }

    [Fact]
    public async Task Workers_and_a_stop_in_between_change_nothing_and_no_trial_is_run_twice()
    {
        JobSettings small = new() { MaximumSize = new Limit(0.25, true), Weights = WeightType.Auto };
        await RunAsync("one", small with { Workers = 1 }, Search);
        await RunAsync("two", small with { Workers = 2 }, Search);
        using CancellationTokenSource stop = new();
        await RunAsync("stopped", small, Search, stop);
        Assert.True(SearchOutcomeFile.Load(_folder["stopped"]).IsStopped);
        await RunAsync("stopped", small, Search);
        string one = File.ReadAllText(_folder[$"one/{SearchOutcome.FileName}"]);
        Assert.Equal(one, File.ReadAllText(_folder[$"two/{SearchOutcome.FileName}"]));
        Assert.Equal(one, File.ReadAllText(_folder[$"stopped/{SearchOutcome.FileName}"]));
        Assert.Contains("int4", one);
        string[] lines = ModelJob.Trials(_folder, "stopped");
        Assert.Equal(lines.Length, lines.Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("key").GetString()).Distinct().Count());
    }

    public void Dispose() => _folder.Dispose();

    private Task<JobOutcome> RunAsync(string name, JobSettings settings, SearchSettings? search, CancellationTokenSource? stop = null) => ModelJob.RunAsync(
        _folder, name, Networks.OfConvolutions("a", "b", "c", "d"), settings with { Synthetic = 24, Workers = settings.Workers > 0 ? settings.Workers : 2, Threads = 2 }, search,
        stop: stop?.Token ?? default, progress: new StopOnceSmall(stop));

    private sealed class StopOnceSmall(CancellationTokenSource? stop) : IProgress<SearchProgress>
    {
        public void Report(SearchProgress value)
        {
            if (value.Phase == SearchPoint.SizeOrigin)
                stop?.Cancel();
        }
    }
}
