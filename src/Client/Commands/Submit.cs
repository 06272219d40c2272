using System.CommandLine;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant submit MODEL --data SPEC</c>: hands a job to a cluster, says its id, and leaves.</summary>
internal static class Submit
{
    private static readonly Argument<string> Model = new("MODEL") { Description = "The trained model, an .onnx file." };
    private static readonly Option<bool> Watch = new("--watch") { Description = "Stay and show how it goes, as 'quant watch' does." };

    public static Command Create()
    {
        Command command = new("submit", "Hands a job to a cluster and leaves; takes what 'quant run' takes. Prints the job's id.") { Model };
        foreach (Option option in Run.JobOptions)
            command.Options.Add(option);
        foreach (Option option in new Option[] { ClusterPlace.Store, ClusterPlace.Engine, ClusterPlace.Address, Watch })
            command.Options.Add(option);
        command.Validators.Add(Run.CheckSources);
        command.SetAction((parsed, _) => ExecuteAsync(parsed));
        return command;
    }

    private static async Task<int> ExecuteAsync(ParseResult parsed)
    {
        string model = parsed.GetValue(Model)!;
        JobStore store = ClusterPlace.StoreOf(parsed);
        IClusterEngine engine = ClusterPlace.EngineOf(parsed);
        using Interruption interruption = new();
        await using ICluster cluster = await engine.ConnectAsync(ClusterPlace.AddressOf(parsed, engine), store, interruption.Token);
        StoredJob job;
        using (JobSources sources = Run.Open(parsed, model, interruption.Token))
        {
            JobSpecification request = Run.Specify(parsed, sources, $"{Path.GetFileNameWithoutExtension(model)}.int8.onnx", report: null);
            job = new JobSubmission(store).Submit(request, engine.Name, TimeProvider.System.GetUtcNow());
        }

        await cluster.AnnounceAsync(job.Id, interruption.Token);
        Console.Out.WriteLine(job.Id);
        return parsed.GetValue(Watch) ? await JobWatch.ShowAsync(job, interruption) : (int)ExitCode.Success;
    }
}
