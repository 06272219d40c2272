using System.Collections.Concurrent;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Objectives;

namespace QuantCluster.Tests.Search;

/// <summary>Of trials whose errors are known beforehand, so that what is dropped is too.</summary>
public sealed class TrialLedgerTests
{
    private readonly KnownErrors _known = new();

    [Fact]
    public async Task A_trial_that_two_ask_for_at_once_is_measured_and_counted_once()
    {
        TrialLedger ledger = Ledger();
        Trial a = _known.Make("a", 1, 1), b = _known.Make("b", 2, 2);
        await Task.WhenAll(
            ledger.RaceAsync([[a, b]], default), ledger.RaceAsync([[a]], default), ledger.GlanceAsync([b, a], default), ledger.ValidateAsync([a], default), ledger.ValidateAsync([a, a], default));
        Assert.Equal(2, ledger.Count);
        Assert.Equal(0, ledger.CountNew([a, b]));
        Assert.Equal(_known.Measured.Count, _known.Measured.Distinct().Count());
    }

    [Fact]
    public async Task Who_competes_with_nobody_is_measured_on_all_samples_at_once()
    {
        await Ledger().RaceAsync([[_known.Make("a", 1, 1)]], default);
        Assert.Equal(("a", 0, 32), Assert.Single(_known.Measured));
    }

    [Fact]
    public async Task The_hopeless_are_dropped_after_the_first_block_whatever_is_known_of_them()
    {
        TrialLedger ledger = Ledger();
        Trial best = _known.Make("best", 1, 1), hopeless = _known.Make("hopeless", 9, 0), worse = _known.Make("worse", 20, 20);
        IReadOnlyList<double[]?[]> errors = await ledger.RaceAsync([[best, hopeless], [hopeless, worse]], default);
        Assert.Null(errors[0][1]);
        Assert.NotNull(errors[1][0]);
        Assert.Null(errors[1][1]);
        Assert.NotNull((await ledger.RaceAsync([[hopeless]], default))[0][0]);
        Assert.Null((await ledger.RaceAsync([[best, hopeless]], default))[0][1]);
        Assert.DoesNotContain(_known.Measured, m => m.Trial == "worse" && m.First >= 16);
    }

    [Fact]
    public async Task What_another_finds_meanwhile_does_not_bring_the_hopeless_back()
    {
        TrialLedger ledger = Ledger();
        Trial best = _known.Make("best", 1, 1), hopeless = _known.Make("hopeless", 9, 0);
        _known.HoldBack("best");
        Task<IReadOnlyList<double[]?[]>> race = ledger.RaceAsync([[best, hopeless]], default);
        Task<IReadOnlyList<double[]?[]>> alone = ledger.RaceAsync([[hopeless]], default);
        await Task.Delay(30);
        _known.LetGo("best");
        Assert.NotNull((await alone)[0][0]);
        Assert.Null((await race)[0][1]);
    }

    private TrialLedger Ledger() => new(_known, new FirstNumber(), new SampleSplit([.. Enumerable.Range(0, 32)], [.. Enumerable.Range(32, 8)]), 16);

    private sealed class FirstNumber : IObjective
    {
        public string Name => "first";

        public double[] Errors(IReadOnlyList<SampleError[]> samples) => [.. samples.Select(s => s[0].Divergence)];
    }

    private sealed class KnownErrors : ITrialRunner
    {
        private readonly Dictionary<string, (string Name, double Early, double Late)> _errors = [];
        private readonly ConcurrentDictionary<string, TaskCompletionSource> _held = new();

        public ConcurrentQueue<(string Trial, int First, int Count)> Measured { get; } = new();

        /// <param name="first">Its error on each sample of the first block.</param>
        /// <param name="rest">On each other one.</param>
        public Trial Make(string name, double first, double rest)
        {
            Trial trial = new(new QuantizationPlan([], [], [], []), new QuantizationConfiguration(
                new Dictionary<string, AffineMapping>(), new Dictionary<string, QuantizedWeight>(), new Dictionary<string, float[]> { [name] = [0] }));
            _errors[trial.Key] = (name, first, rest);
            return trial;
        }

        public void HoldBack(string name) => _held[name] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetGo(string name) => _held[name].SetResult();

        public async Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
            IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, bool canWait, CancellationToken cancellation)
        {
            (int first, int count) = part.GetOffsetAndLength(samples.Count);
            Dictionary<string, SampleError[][]> measured = [];
            foreach (Trial trial in trials)
            {
                (string name, double early, double late) = _errors[trial.Key];
                Measured.Enqueue((name, samples[first], count));
                if (_held.TryGetValue(name, out TaskCompletionSource? held))
                    await held.Task;
                measured[trial.Key] = [.. samples.Skip(first).Take(count).Select(s => new[] { new SampleError(true, (s < 16 ? early : late) + (0.01 * (s % 3)), 0, 0, 0, 0) })];
            }

            return measured;
        }

        public Task<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>> CorrectAsync(IReadOnlyList<CorrectionRequest> requests, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>>([]);

        public Task<double> RememberAsync(string what, Func<double> measure, CancellationToken cancellation) => Task.FromResult(measure());
    }
}
