using System.CommandLine;
using QuantCluster.Jobs;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant resume DIR</c>: goes on with a job that was stopped or killed.</summary>
internal static class Resume
{
    public static Command Create()
    {
        Argument<string> directory = new("DIR") { Description = "The job's folder, as 'quant run' named it." };
        Option<bool> json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };
        Command command = new("resume", "Goes on with a job that was stopped or killed; the result has the same bytes.") { directory, json };
        command.SetAction((parsed, _) => ExecuteAsync(parsed.GetValue(directory)!, parsed.GetValue(json)));
        return command;
    }

    private static async Task<int> ExecuteAsync(string directory, bool json)
    {
        using JobDirectory job = JobDirectory.Open(directory, QuantizationJob.ToolVersion);
        if (job.Specification.Output.Length > 0)
            AtomicFile.EnsureWritable(job.Specification.Output, "--out");
        using JobSources sources = JobSources.Reopen(job.Specification);
        using Interruption interruption = new();
        return job.Specification.Sensitivity is not null
            ? await Sensitivity.RunAsync(job, sources, json, interruption)
            : await JobExecution.RunAsync(job, sources, json, interruption);
    }
}
