using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace QuantCluster.Client;

/// <summary>The usual help, followed by examples that can be copied.</summary>
internal sealed class ExampleHelp(HelpAction usual) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        int code = usual.Invoke(parsed);
        string name = parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name;
        if (!Examples.ByCommand.TryGetValue(name, out string[]? examples))
            return code;
        TextWriter output = parsed.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples)
            output.WriteLine($"  {example}");
        output.WriteLine();
        return code;
    }
}
