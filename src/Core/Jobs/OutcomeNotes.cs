using System.Globalization;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Guard;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>What a user should know about a result besides its figures, and what to do about it.</summary>
internal static class OutcomeNotes
{
    /// <summary>dB: a third of the signal's energy is error.</summary>
    private const double RuinedBelow = 5;

    public static IReadOnlyList<string> Of(JobSpecification job, JobSources sources, VerificationResult verification)
    {
        List<string> notes = [.. sources.Assumptions];
        if (job.Data is null)
            notes.Add("calibrated on synthetic data: ranges and figures say nothing about real inputs. Give --data.");
        if (job.Evaluation is null && job.Data is not null)
            notes.Add("verified on the calibration data, which flatters: give held-out data with --eval.");
        if (verification.Latency.Count > 0 && verification.Latency[0] is { Speedup: < 1 } latency)
        {
            notes.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"slower than float on this machine ({latency.Speedup:0.00}x with {latency.Threads} thread{(latency.Threads == 1 ? "" : "s")}). Keep the float model here, or use the INT8 one only where its size matters; on a CPU with VNNI or AMX measure again: quant verify {job.Model.Path} {job.Output} --data SPEC.json."));
        }

        if (verification.Error("sqnr_db") is { } sqnr && sqnr < RuinedBelow)
        {
            notes.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"the outputs are far from the float model's ({sqnr:0.0} dB): look at the report before using this model. More, and more representative, calibration data help most."));
        }

        return notes;
    }

    /// <summary>What a search says of the chosen model.</summary>
    /// <param name="job">The job's folder.</param>
    public static IReadOnlyList<string> Of(SearchOutcome? search, string job)
    {
        if (search is null)
            return [];
        List<string> notes = [];
        if (search.IsStopped)
            notes.Add($"the search was stopped after {search.Trials} trials: this is its best so far. It goes on with: quant resume {job}");
        if (search.Winner.Origin == SearchPoint.StartOrigin)
            notes.Add($"the search found nothing that is better on samples it did not choose by, beyond chance ({search.Trials} trials): the model is that of --effort fast.");
        return notes;
    }

    /// <summary>What was given up for the task, or could not be kept.</summary>
    public static IReadOnlyList<string> Of(GuardOutcome? guarded)
    {
        if (guarded is null || (guarded.IsMet && guarded.BackToFloat.Count == 0))
            return [];
        string went = guarded.BackToFloat.Count == 0 ? "" : string.Create(
            CultureInfo.InvariantCulture,
            $"{guarded.BackToFloat.Count} layer{(guarded.BackToFloat.Count == 1 ? "" : "s")} went back to float for the task: worse by {guarded.Before.Mean:0.00} % before, {guarded.After.Mean:0.00} % now ({(guarded.After.Expected is null ? "measured on held-back samples" : "the outputs' divergence for their entropy on held-back samples, of which half the tolerance is allowed")})");
        return guarded.IsMet
            ? [string.Create(CultureInfo.InvariantCulture, $"{went}; --tolerance {guarded.Tolerance:0.##}% asks for it.")]
            : [string.Create(CultureInfo.InvariantCulture, $"the task is worse than float by {guarded.After.Mean:0.00} % on held-back samples, more than --tolerance {guarded.Tolerance:0.##}%: no set of layers that is surely faster than float, by estimate, errs less.{(went.Length == 0 ? "" : $" {went}.")}")];
    }

    /// <summary>What a frontier says of the chosen model.</summary>
    public static IReadOnlyList<string> Of(FrontierResult? frontier, FrontierPoint? point)
    {
        if (frontier is null || point is null)
            return [];
        int all = point.Quantized.Count + point.BackToFloat.Count;
        string what = point.BackToFloat.Count == 0 ? $"all {all} layers on integers" : $"{point.BackToFloat.Count} of {all} layers went back to float";
        return
        [
            string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: point {point.Number} of a frontier of {frontier.Points.Count}, chosen by what was measured on this machine. Another machine, or a noisy one, may choose otherwise; --speed ignore asks for no timing."),
        ];
    }
}
