using System.Globalization;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>What a user should know about a result besides its figures, and what to do about it.</summary>
internal static class OutcomeNotes
{
    public static IReadOnlyList<string> Of(JobSpecification job, JobSources sources, LatencyResult? latency)
    {
        List<string> notes = [.. sources.Assumptions];
        if (job.Data is null)
            notes.Add("calibrated on synthetic data: ranges and figures say nothing about real inputs. Give --data.");
        if (job.Evaluation is null && job.Data is not null)
            notes.Add("verified on the calibration data, which flatters: give held-out data with --eval.");
        if (latency is { Speedup: < 1 })
        {
            notes.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"slower than float on this machine ({latency.Speedup:0.00}x with {latency.Threads} thread{(latency.Threads == 1 ? "" : "s")}). Keep the float model here, or use the INT8 one only where its size matters; on a CPU with VNNI or AMX measure again: quant verify {job.Model.Path} {job.Output} --data SPEC.json."));
        }

        return notes;
    }
}
