using System.CommandLine;
using System.Globalization;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant gc</c>: removes from a store what nothing leads to.</summary>
internal static class Gc
{
    public static Command Create()
    {
        Option<double> grace = new("--grace") { HelpName = "HOURS", Description = "Leave alone what is younger.", DefaultValueFactory = _ => 24 };
        Option<bool> dry = new("--dry-run") { Description = "Only say what would go." };
        Command command = new("gc", "Removes from a store what no job and no journal names any more.") { ClusterPlace.Store, grace, dry };
        command.SetAction(parsed =>
        {
            CollectedGarbage garbage = StoreGarbage.Collect(ClusterPlace.ExistingStoreOf(parsed), TimeSpan.FromHours(parsed.GetValue(grace)), TimeProvider.System, remove: !parsed.GetValue(dry));
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{garbage.Blobs} blobs, {garbage.Inputs} inputs and {garbage.Unfinished} unfinished files: {garbage.Bytes / 1e6:0.0} MB {(parsed.GetValue(dry) ? "would go" : "removed")}"));
            return (int)ExitCode.Success;
        });
        return command;
    }
}
