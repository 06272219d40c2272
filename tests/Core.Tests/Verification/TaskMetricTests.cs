using QuantCluster.Data;
using QuantCluster.Verification;
using QuantCluster.Verification.Tasks;

namespace QuantCluster.Tests.Verification;

public class TaskMetricTests
{
    [Fact]
    public void Top_k_counts_labels_among_the_k_greatest()
    {
        float[] scores = [0.1f, 0.5f, 0.4f];
        Assert.Equal([0], Measure(new TopK([2]), scores, [1, 3]));
        Assert.Equal([1], Measure(new TopK([2], 2), scores, [1, 3]));
        Assert.Equal([1], Measure(new TopK([1]), scores, [1, 3, 1, 1]));
    }

    [Fact]
    public void Equal_scores_rank_by_class_as_argmax_does()
    {
        Assert.Equal([1], Measure(new TopK([0]), [0.5f, 0.5f], [1, 2]));
        Assert.Equal([0], Measure(new TopK([1]), [0.5f, 0.5f], [1, 2]));
    }

    [Fact]
    public void A_batch_takes_its_own_labels()
    {
        TopK metric = new([0, 0, 1, 0]);
        Assert.Equal([1, 1], Measure(metric, [0, 1, 1, 0], [2, 2], index: 1));
    }

    [Fact]
    public void A_label_that_is_no_class_says_which_record()
    {
        QuantException error = Assert.Throws<QuantException>(() => Measure(new TopK([7]), [1, 2], [1, 2]));
        Assert.Equal("record 0: label 7 is not one of the 2 classes of output 'y'.", error.Message);
    }

    [Fact]
    public void Next_token_predicts_the_id_after_each_position()
    {
        // Two positions count of three ids; uniform logits over 4 words cost ln 4 each.
        Sample sample = new(0, new Dictionary<string, DenseTensor> { ["input_ids"] = DenseTensor.FromInt64([1, 3], [2, 0, 3]) });
        List<TaskOutcome> outcomes = [];
        NextToken metric = new();
        metric.Measure(new OutputView("logits", [1, 3, 4], new float[12], OutputKind.Values), sample, outcomes);
        TaskOutcome only = Assert.Single(outcomes);
        Assert.Equal(2, only.Count);
        Assert.Equal(-Math.Log(4), metric.Score(only.Total, only.Count), 12);
        Assert.Equal(10, metric.Drop(-1.0, -1.1), 9);
    }

    [Fact]
    public void Masked_tokens_do_not_count()
    {
        Sample sample = new(0, new Dictionary<string, DenseTensor>
        {
            ["input_ids"] = DenseTensor.FromInt64([1, 3], [2, 0, 3]),
            ["attention_mask"] = DenseTensor.FromInt64([1, 3], [1, 1, 0]),
        });
        List<TaskOutcome> outcomes = [];
        new NextToken().Measure(new OutputView("logits", [1, 3, 4], new float[12], OutputKind.Values), sample, outcomes);
        Assert.Equal(1, Assert.Single(outcomes).Count);
    }

    [Fact]
    public void Ctc_collapses_repeats_drops_blanks_and_ends_with_space()
    {
        CtcLines metric = new(["a ba"], ["a", "b"]);
        int[] path = [0, 1, 1, 0, 3, 2, 2, 0, 1];
        float[] scores = new float[path.Length * 4];
        for (int t = 0; t < path.Length; t++)
            scores[(t * 4) + path[t]] = 1;
        Assert.Equal("a ba", metric.Decode(scores, 4));
        Assert.Equal([1], Measure(metric, scores, [1, path.Length, 4]));
    }

    [Fact]
    public void Ctc_keeps_a_letter_repeated_over_a_blank()
    {
        CtcLines metric = new(["aa"], ["a"]);
        Assert.Equal("aa", metric.Decode([0, 1, 1, 0, 0, 1], 2));
    }

    [Fact]
    public void Spaces_around_a_line_do_not_make_it_wrong()
    {
        // "a" then class 2, the space after the dictionary's one character.
        Assert.Equal([1], Measure(new CtcLines(["a"], ["a"]), [0, 1, 0, 0, 0, 1], [1, 2, 3]));
    }

    [Fact]
    public void Mcnemar_agrees_with_the_binomial_distribution()
    {
        Assert.Equal(1, PairedComparison.ExactMcNemar(0, 0));
        Assert.Equal(2 * Math.Pow(2, -10), PairedComparison.ExactMcNemar(10, 0), 12);
        Assert.Equal(2 * (1 + 8 + 28) / 256.0, PairedComparison.ExactMcNemar(2, 6), 12);
        Assert.InRange(PairedComparison.ExactMcNemar(5000, 5000), 0.99, 1);
        Assert.InRange(PairedComparison.ExactMcNemar(5200, 4800), 0, 1e-4);
    }

    [Fact]
    public void A_clear_loss_is_significant_and_a_coin_toss_is_not()
    {
        Assert.True(Compare(i => i % 4 == 0 ? 0 : 1).IsSignificant);
        TaskResult even = Compare(i => i % 40 == 0 ? 0 : 1, i => i % 40 == 20 ? 0 : 1);
        Assert.False(even.IsSignificant);
        Assert.InRange(0.0, even.DropLow, even.DropHigh);
    }

    [Fact]
    public void The_interval_of_a_drop_has_the_width_theory_gives()
    {
        // 1000 records, 100 lost: the drop's standard error is sqrt(0.1·0.9/1000) = 0.95 points.
        TaskResult result = Compare(i => i % 10 == 0 ? 0 : 1);
        Assert.Equal(10, result.Drop, 9);
        Assert.InRange(result.DropHigh - result.DropLow, 2 * 1.96 * 0.95 * 0.9, 2 * 1.96 * 0.95 * 1.1);
    }

    private static TaskResult Compare(Func<int, double> quantized, Func<int, double>? reference = null)
    {
        PairedComparison comparison = new(new TopK([]));
        for (int i = 0; i < 1000; i++)
            comparison.Add(new TaskOutcome(reference?.Invoke(i) ?? 1, 1), new TaskOutcome(quantized(i), 1));
        return comparison.Result();
    }

    private static double[] Measure(ITaskMetric metric, float[] values, long[] shape, int index = 0)
    {
        List<TaskOutcome> outcomes = [];
        Sample sample = new(index, new Dictionary<string, DenseTensor>());
        metric.Measure(new OutputView("y", shape, values, OutputKind.Values), sample, outcomes);
        return [.. outcomes.Select(o => o.Total)];
    }
}
