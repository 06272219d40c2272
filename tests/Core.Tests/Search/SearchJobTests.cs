using System.Runtime.CompilerServices;
using QuantCluster.Jobs;
using QuantCluster.Reporting;
using QuantCluster.Search;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

public sealed class SearchJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task The_answer_does_not_depend_on_the_number_of_workers()
    {
        string[] names = ["one", "two", "five"];
        byte[][] models = [await BytesAsync(workers: 1, names[0]), await BytesAsync(workers: 2, names[1]), await BytesAsync(workers: 5, names[2])];
        Assert.Equal(models[0], models[1]);
        Assert.Equal(models[0], models[2]);

        // Nor do the trials, what they were tried for, or the points and their order.
        string[] outcomes = [.. names.Select(n => File.ReadAllText(_folder[$"{n}/{SearchOutcome.FileName}"]))];
        Assert.All(outcomes, o => Assert.Equal(outcomes[0], o));
        Assert.All(names, n => Assert.Equal(Keys(names[0]), Keys(n)));

        string[] Keys(string name) => [.. ModelJob.Trials(_folder, name).Select(l => l[..l.IndexOf(',', StringComparison.Ordinal)]).Order()];
    }

    [Fact]
    public async Task The_winner_is_never_worse_on_held_back_samples_than_the_fast_start()
    {
        JobOutcome outcome = await RunAsync("job", new SearchSettings { Trials = 90 });
        SearchSummary search = outcome.Search!;
        Assert.True(search.Error <= search.StartError, $"{search.Error} > {search.StartError}");
        Assert.InRange(search.Trials, 10, 400);
        Assert.Equal(search.Float.Count, outcome.Layers.Float.Count + outcome.Layers.WeightOnly.Count);
    }

    [Fact]
    public async Task A_layer_that_is_to_stay_float_is_not_searched()
    {
        JobOutcome outcome = await RunAsync("job", new SearchSettings { Trials = 90 }, keepFloat: ["b"]);
        Assert.Equal("kept float by the configuration", Assert.Single(outcome.Layers.Float, l => l.Name == "b").Reason);
    }

    [Fact]
    public async Task No_more_trials_are_run_than_were_allowed()
    {
        foreach (int most in (int[])[1, 7, 40])
        {
            JobOutcome outcome = await RunAsync($"job{most}", new SearchSettings { Trials = most });
            Assert.InRange(outcome.Search!.Trials, 1, most);
        }
    }

    [Fact]
    public async Task A_stopped_search_gives_its_best_so_far_and_goes_on_without_repeating_a_trial_to_the_same_bytes()
    {
        SearchSettings settings = new() { Trials = 70 };
        byte[] whole = await BytesAsync(2, "whole", settings);
        int all = Items("whole");

        using CancellationTokenSource stop = new();
        JobOutcome early = await RunAsync("stopped", settings, 2, stop.Token, new StopAfter(stop, 30));
        Assert.Contains(early.Notes, n => n.Contains("was stopped after") && n.Contains("quant resume"));
        Assert.True(File.Exists(_folder["stopped.onnx"]));
        int before = Items("stopped");
        Assert.True(before < all, $"{before} of {all}: it was not stopped");

        await RunAsync("stopped", settings);
        Assert.Equal(whole, File.ReadAllBytes(_folder["stopped.onnx"]));
        Assert.Equal(all, Items("stopped"));
    }

    [Fact]
    public async Task A_search_by_time_that_is_finished_is_not_done_again()
    {
        SearchSettings settings = new() { Seconds = 1 };
        byte[] first = await BytesAsync(2, "timed", settings);
        int items = Items("timed");
        Assert.Equal(first, await BytesAsync(2, "timed", settings));
        Assert.Equal(items, Items("timed"));
    }

    [Fact]
    public async Task Candidates_and_corrections_say_which_layers_they_are_about_and_trials_of_the_whole_model_none()
    {
        Listening engine = new();
        await RunAsync("job", new SearchSettings { Trials = 60 }, engine: engine);
        string[] layers = [.. engine.Items.Where(i => i.Kind == "correct-trial").SelectMany(i => i.Layers).Distinct()];
        WorkItem[] trials = [.. engine.Items.Where(i => i.Kind == "evaluate-trial")];
        Assert.True(layers.Length > 2);
        Assert.All(engine.Items.Where(i => i.Kind == "correct-trial"), i => Assert.Equal(i.Inputs.Skip(6), i.Layers));
        Assert.Equal(layers.Order(), trials.SelectMany(t => t.Layers).Distinct().Order());
        Assert.Contains(trials, t => t.Layers.Count == 0);
        Assert.All(engine.Items.Where(i => i.Kind is "calibrate-block" or "estimate-ranges"), i => Assert.Empty(i.Layers));

        // It is said of an item; it is no part of it.
        Assert.All(trials, t => Assert.Equal(new WorkItem(t.Kind, t.Argument, t.Inputs).Key, t.Key));
    }

    [Theory]
    [InlineData("kl")]
    [InlineData("sqnr")]
    [InlineData("cosine")]
    public async Task Any_objective_can_be_made_small(string objective)
    {
        JobOutcome outcome = await RunAsync(objective, new SearchSettings { Objective = objective, Trials = 30 });
        Assert.Equal(objective, outcome.Search!.Objective);
        Assert.InRange(outcome.Search.Error, 0, outcome.Search.StartError);
    }

    [Fact]
    public async Task The_task_cannot_be_the_objective_without_its_truth()
    {
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => RunAsync("job", new SearchSettings { Objective = "task" }));
        Assert.Equal(ExitCode.Usage, e.Code);
        Assert.Contains("labels", e.Message);
    }

    [Fact]
    public async Task The_task_is_the_objective_where_its_truth_is_known()
    {
        await ModelJob.RunAsync(
            _folder, "digits", Samples.Path("digits/digits.onnx"), new JobSettings { Workers = 2, Threads = 2 }, new SearchSettings { Objective = "task", Trials = 16 },
            Samples.Path("digits/calib.json"));
        SearchOutcome outcome = SearchOutcomeFile.Load(_folder["digits"]);
        Assert.Equal(192, outcome.SearchSamples + outcome.ValidationSamples);
        Assert.All(outcome.Points.SelectMany(p => p.SearchErrors), e => Assert.Contains(e, new[] { -100.0, 0, 100 }));
    }

    [Fact]
    public async Task The_report_draws_a_curve_an_order_and_sets_the_errors_side_by_side()
    {
        await RunAsync("job", new SearchSettings { Orders = ["topological", "random-3"], Trials = 200 });
        string page = File.ReadAllText(_folder["job/report/report.html"]);
        Assert.Contains("layers on integers, error", page);
        Assert.Contains("Does it hold?", page);
        Assert.Contains("random-3", page);
    }

    [Fact]
    public void Spread_is_of_the_orders_that_were_walked_to_their_end()
    {
        ReportedCurve Curve(string name, int last, double error) => new(name, [new ReportedCurveStep(1, 0.1, 0), new ReportedCurveStep(last, error, 0)]);
        ReportedSearch search = new()
        {
            Objective = "auto",
            Effort = "balanced",
            Trials = 3,
            IsComplete = false,
            Origin = "a",
            Gain = 0,
            GainStandardError = 0,
            Errors = [],
            Layers = [],
            Ranges = [],
            Curves = [Curve("a", 5, 3), Curve("b", 5, 1), Curve("cut", 4, 0.1), Curve("c", 5, 2)],
        };
        Assert.Equal(("b", 2, "a"), (search.Spread!.Value.Best.Order, search.Spread.Value.Median, search.Spread.Value.Worst.Order));
    }

    public void Dispose() => _folder.Dispose();

    private async Task<byte[]> BytesAsync(int workers, string name, SearchSettings? search = null)
    {
        await RunAsync(name, search ?? new SearchSettings { Trials = 60 }, workers);
        return File.ReadAllBytes(_folder[$"{name}.onnx"]);
    }

    private int Items(string name) => ModelJob.Trials(_folder, name).Length;

    private Task<JobOutcome> RunAsync(
        string name, SearchSettings search, int workers = 2, CancellationToken stop = default, IProgress<SearchProgress>? progress = null, string[]? keepFloat = null, IWorkEngine? engine = null) =>
        ModelJob.RunAsync(
            _folder, name, SensitivityNetworks.Chain(outlier: 20), new JobSettings { Synthetic = 36, Workers = workers, Threads = workers, KeepFloat = keepFloat }, search,
            stop: stop, progress: progress, engine: engine);

    /// <summary>The local engine, noting what it is asked to do.</summary>
    private sealed class Listening : IWorkEngine
    {
        private readonly LocalEngine _local = new(2);

        public string Name => _local.Name;

        public List<WorkItem> Items { get; } = [];

        public IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, CancellationToken cancellation = default) =>
            _local.ExecuteAsync(job, NoteAsync(items, cancellation), cancellation);

        private async IAsyncEnumerable<WorkItem> NoteAsync(IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (WorkItem item in items.WithCancellation(cancellation))
            {
                Items.Add(item);
                yield return item;
            }
        }
    }

    private sealed class StopAfter(CancellationTokenSource stop, int trials) : IProgress<SearchProgress>
    {
        public void Report(SearchProgress value)
        {
            if (value.Trials >= trials)
                stop.Cancel();
        }
    }
}
