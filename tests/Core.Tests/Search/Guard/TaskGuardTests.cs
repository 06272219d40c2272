using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Guard;

namespace QuantCluster.Tests.Search.Guard;

/// <summary>Layers a to e: what each costs the task in percent when it is on integers, and what it costs in time to be float.</summary>
public class TaskGuardTests
{
    private static readonly Dictionary<string, (double Drop, double Price)> Layers = new()
    {
        ["a"] = (0.20, 10),
        ["b"] = (0.10, 1),
        ["c"] = (0.02, 1),
        ["d"] = (0.04, 0),
        ["e"] = (-0.01, 1),
    };

    [Fact]
    public async Task Layers_go_back_until_the_task_is_within_the_tolerance_those_first_that_save_most_for_their_time()
    {
        // The divergence of all is 0.35 %; half of 0.5 % is allowed.
        Assert.Equal("bd", await BackAsync(0.5, 100));
        Assert.Equal("abcd", await BackAsync(0.01, 100));
    }

    [Fact]
    public async Task A_layer_that_takes_more_time_than_is_left_stays_on_integers()
    {
        Assert.Equal("bcd", await BackAsync(0.1, 5));
        Assert.False((await RunAsync(0.1, 5)).Outcome.IsMet);
        Assert.True((await RunAsync(0.5, 5)).Outcome.IsMet);
    }

    [Fact]
    public async Task A_model_that_is_good_enough_is_left_alone_and_nothing_is_tried()
    {
        (Trial chosen, GuardOutcome outcome, int tried) = await RunAsync(1, 100);
        Assert.Equal((5, 0, 0), (chosen.Plan.Layers.Count, outcome.BackToFloat.Count, tried));
        Assert.True(outcome.IsMet);
    }

    [Fact]
    public async Task Where_no_time_is_left_only_what_costs_none_goes_back_and_that_it_is_not_enough_is_said()
    {
        (Trial chosen, GuardOutcome outcome, _) = await RunAsync(0.1, -1);
        Assert.Equal(("d", false), (string.Concat(outcome.BackToFloat), outcome.IsMet));
        Assert.Equal(4, chosen.Plan.Layers.Count);
    }

    private static async Task<string> BackAsync(double tolerance, double most) =>
        string.Concat((await RunAsync(tolerance, most)).Outcome.BackToFloat.Order(StringComparer.Ordinal));

    private static async Task<(Trial Chosen, GuardOutcome Outcome, int Tried)> RunAsync(double tolerance, double most)
    {
        int tried = 0;
        Trial start = Of(Layers.Keys);
        TaskGuard guard = new(back => Of(Layers.Keys.Except(back)), plan => Layers.Where(l => plan.Layers.All(p => p.Id != l.Key)).Sum(l => l.Value.Price), most);
        (Trial chosen, GuardOutcome outcome) = await guard.RunAsync(
            start, DropOf(start), tolerance,
            trials =>
            {
                tried += trials.Count;
                return Task.FromResult(trials.Select(t => DropOf(t).Expected!.Value.Mean).ToArray());
            },
            trial => Task.FromResult(DropOf(trial)));
        return (chosen, outcome, tried);
    }

    private static TaskDrop DropOf(Trial trial) => new(new MeanError(trial.Plan.Layers.Sum(l => Layers[l.Id].Drop), 0), null);

    private static Trial Of(IEnumerable<string> layers) => new(
        new QuantizationPlan([.. layers.Select(l => new Layer(l, l, "MatMul", "x", l + ".w", 1, null, l, null, false, 1, 1))], [], [], []), Trial.OfNothing.Configuration);
}
