using System.CommandLine;

namespace QuantCluster.Client.Commands;

/// <summary>The job that a command is about.</summary>
internal static class JobArgument
{
    public static Argument<string> Create() => new("ID") { Description = "The job's id, as 'quant submit' printed it; its beginning is enough." };
}
