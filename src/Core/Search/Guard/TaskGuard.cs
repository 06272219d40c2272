using QuantCluster.Planning;

namespace QuantCluster.Search.Guard;

/// <summary>What of a model's speed was given up so that its task does not suffer.</summary>
/// <param name="Tolerance">Percent.</param>
/// <param name="Before">Of the model as it was, on held-back samples.</param>
/// <param name="After">Of the model that was chosen.</param>
/// <param name="BackToFloat">Ids of the layers that went back to float, those first that save most error for their time.</param>
public sealed record GuardOutcome(double Tolerance, TaskDrop Before, TaskDrop After, IReadOnlyList<string> BackToFloat)
{
    public bool IsMet => After.IsWithin(Tolerance);
}

/// <summary>
/// Takes layers back to float until a task's drop is within a tolerance, or no speed is left to be given up. The search's own
/// allowance does not bind it: a model that is fast and worse at its task is not what was asked for.
/// </summary>
/// <param name="without">The trial with these layers of the model back in float; null where none is left on integers.</param>
/// <param name="time">Microseconds of a plan, by estimate.</param>
/// <param name="most">Microseconds at most.</param>
internal sealed class TaskGuard(Func<IReadOnlyCollection<string>, Trial?> without, Func<QuantizationPlan, double> time, double most)
{
    /// <summary>Seconds are not saved by a layer that costs none: the least price of one, microseconds.</summary>
    private const double LeastPrice = 0.01;

    /// <param name="start">The model as it is.</param>
    /// <param name="before">Its drop on held-back samples.</param>
    /// <param name="tolerance">Percent.</param>
    /// <param name="errorsAsync">What some trials err on the samples that choose, in any unit: what layers are ranked by.</param>
    /// <param name="dropAsync">A trial's drop on held-back samples.</param>
    /// <returns>What was chosen; <paramref name="start"/> where nothing helps.</returns>
    public async Task<(Trial Chosen, GuardOutcome Outcome)> RunAsync(
        Trial start, TaskDrop before, double tolerance, Func<IReadOnlyList<Trial>, Task<double[]>> errorsAsync, Func<Trial, Task<TaskDrop>> dropAsync)
    {
        (Trial Trial, TaskDrop Drop, string[] Back) best = (start, before, []);
        if (!before.IsWithin(tolerance) && Sets(start, await RankAsync(start, errorsAsync)).ToArray() is { Length: > 0 } sets)
        {
            // All that time allows, then the fewest that are enough.
            int low = 0, high = sets.Length - 1;
            TaskDrop least = await dropAsync(sets[high].Trial);
            if (least.IsWithin(tolerance) || least.Mean < before.Mean)
                best = (sets[high].Trial, least, sets[high].Back);
            while (low < high && best.Drop.IsWithin(tolerance))
            {
                int middle = (low + high) / 2;
                TaskDrop drop = await dropAsync(sets[middle].Trial);
                if (drop.IsWithin(tolerance))
                    (best, high) = ((sets[middle].Trial, drop, sets[middle].Back), middle);
                else
                    low = middle + 1;
            }
        }

        return (best.Trial, new GuardOutcome(tolerance, before, best.Drop, best.Back));
    }

    /// <summary>Layers that err less in float, those first that save most error for their time.</summary>
    private async Task<string[]> RankAsync(Trial start, Func<IReadOnlyList<Trial>, Task<double[]>> errorsAsync)
    {
        double now = time(start.Plan);
        (string Layer, Trial Trial)[] alone = [.. start.Plan.Layers.Select(l => (l.Id, without([l.Id]))).Where(l => l.Item2 is not null).Select(l => (l.Id, l.Item2!))];
        double[] errors = await errorsAsync([start, .. alone.Select(l => l.Trial)]);
        return
        [
            .. alone.Select((l, i) => (l.Layer, Saved: errors[0] - errors[i + 1], Price: Math.Max(LeastPrice, time(l.Trial.Plan) - now)))
                .Where(l => l.Saved > 0).OrderByDescending(l => l.Saved / l.Price).Select(l => l.Layer),
        ];
    }

    /// <summary>Growing sets of the ranked layers; a layer that would take too long is left out. What is faster than the start is not.</summary>
    private IEnumerable<(Trial Trial, string[] Back)> Sets(Trial start, IEnumerable<string> ranked)
    {
        double limit = Math.Max(most, time(start.Plan));
        List<string> back = [];
        foreach (string layer in ranked)
        {
            if (without([.. back, layer]) is not { } trial || time(trial.Plan) > limit)
                continue;
            back.Add(layer);
            yield return (trial, [.. back]);
        }
    }
}
