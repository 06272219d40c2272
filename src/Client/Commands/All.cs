using System.CommandLine;

namespace QuantCluster.Client.Commands;

/// <summary>Every subcommand, in the order <c>--help</c> lists them. Adding one is one line here and one file beside this.</summary>
internal static class All
{
    public static IEnumerable<Command> Create() =>
    [
        Quickstart.Create(),
        Run.Create(),
        Resume.Create(),
        Inspect.Create(),
        Explain.Create(),
        Lint.Create(),
        Verify.Create(),
        Calibrate.Create(),
        Stats.Create(),
        Sensitivity.Create(),
        Frontier.Create(),
        Pick.Create(),
        Submit.Create(),
        JobsCommand.Create(),
        Watch.Create(),
        Cancel.Create(),
        Logs.Create(),
        Fetch.Create(),
        ClusterCommand.Create(),
        WorkerCommand.Create(),
        Gc.Create(),
    ];
}
