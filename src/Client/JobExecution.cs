using QuantCluster.Jobs;

namespace QuantCluster.Client;

/// <summary>Runs an opened job in this process, shows how it goes and what came of it.</summary>
internal static class JobExecution
{
    public static async Task<int> RunAsync(JobDirectory job, JobSources sources, bool json, Interruption interruption)
    {
        interruption.Farewell = $"quant: stopped. What is finished is kept; go on with: quant resume {Quoted(job.Path)}";
        try
        {
            int workers = QuantizationJob.WorkersOf(job.Specification.Settings);
            JobOutcome outcome = await ProgressDisplay.ShowAsync(progress =>
            {
                QuantizationJob work = new(job, sources, new LocalEngine(workers), progress) { StopSearch = interruption.SearchToken, SearchProgress = progress };
                interruption.IsSearching = () => work.IsSearching;
                return work.RunAsync(interruption.Token);
            });
            if (json)
                Console.Out.WriteLine(outcome.ToJson());
            else
                OutcomeTable.Write(outcome);
            return (int)ExitCode.Success;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            interruption.SayFarewell();
            return (int)ExitCode.Cancelled;
        }
    }

    private static string Quoted(string path) => path.Any(char.IsWhiteSpace) ? $"\"{path}\"" : path;
}
