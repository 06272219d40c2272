using System.CommandLine;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Onnx;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant fetch ID --out OUT</c>: brings a finished job's model and report.</summary>
internal static class Fetch
{
    private static readonly Argument<string> Id = JobArgument.Create();
    private static readonly Option<string> Out = new("--out", "-o") { HelpName = "OUT.onnx", Required = true, Description = "Where the INT8 model is written." };
    private static readonly Option<string> Report = new("--report") { HelpName = "DIR", Description = "Also bring the report, into this folder." };
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };

    public static Command Create()
    {
        Command command = new("fetch", "Brings the model of a finished job, and prints what 'quant run' would have.") { Id, Out, Report, Json, ClusterPlace.Store };
        command.SetAction(parsed => Execute(parsed));
        return command;
    }

    private static int Execute(ParseResult parsed)
    {
        string output = Path.GetFullPath(parsed.GetValue(Out)!);
        AtomicFile.EnsureWritable(output, "--out");
        StoredJob job = ClusterPlace.ExistingStoreOf(parsed).Find(parsed.GetValue(Id)!);
        JobState state = job.ReadState();
        if (state.Phase != JobPhase.Finished || job.ReadOutcome() is not { } outcome)
        {
            throw state.IsOver
                ? new QuantException(state.Code ?? ExitCode.InternalError, $"{job.Id}: {state.Phase.ToString().ToLowerInvariant()}{(StateText.Why(state) is { } why ? $": {why}" : "")}")
                : new QuantException(ExitCode.Unavailable, $"{job.Id}: is not finished ({state.Phase.ToString().ToLowerInvariant()}). Wait for it with: quant watch {job.Id}");
        }

        JobSpecification specification = JobDirectory.ReadSpecification(job.Folder);
        Bring(specification.Output, output);
        string report = specification.Report!;
        if (parsed.GetValue(Report) is { } folder)
            report = Copy(report, OutputFolder.Create(folder, "the report's folder"));

        outcome = outcome with { Output = output, Report = Path.Combine(report, Path.GetFileName(outcome.Report ?? "report.html")), Job = job.Folder };
        if (parsed.GetValue(Json))
            Console.Out.WriteLine(outcome.ToJson());
        else
            OutcomeTable.Write(outcome);
        return (int)ExitCode.Success;
    }

    /// <summary>The model with the tensors it keeps apart, and the models of its frontier, if it has any.</summary>
    private static void Bring(string from, string to)
    {
        // A model of two files names the other: under a new name it has to be written anew.
        if (File.Exists(from + ".data"))
            OnnxModel.Load(from).Save(to);
        else
            AtomicFile.Write(to, File.ReadAllBytes(from));
        if (Path.ChangeExtension(from, ".frontier") is var frontier && Directory.Exists(frontier))
            Copy(frontier, OutputFolder.Create(Path.ChangeExtension(to, ".frontier"), "the frontier's folder"));
    }

    private static string Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from))
            AtomicFile.Write(Path.Combine(to, Path.GetFileName(file)), File.ReadAllBytes(file));
        return to;
    }
}
