using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using QuantCluster.Jobs;

namespace QuantCluster.Client;

/// <summary>The <c>quant</c> command: one subcommand a file under <c>Commands/</c>.</summary>
internal static class CommandLine
{
    public static int Run(string[] args)
    {
        RootCommand root = new("Turns a trained ONNX model into an INT8 model that keeps the whole model's error smallest.");
        foreach (Command command in Commands.All.Create())
            root.Subcommands.Add(command);
        foreach (HelpOption help in root.Options.OfType<HelpOption>())
            help.Action = new ExampleHelp((HelpAction)help.Action!);

        if (args is [var first, ..] && first.Length > 0 && first[0] != '-' && root.Subcommands.All(c => c.Name != first))
        {
            Console.Error.WriteLine($"quant: there is no command '{first}'; there are {string.Join(", ", root.Subcommands.Select(c => c.Name))}.");
            return (int)ExitCode.Usage;
        }

        ParseResult parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0 && parsed.Action is not ExampleHelp)
        {
            foreach (ParseError error in parsed.Errors)
                Console.Error.WriteLine($"quant: {Plain(error.Message)}");
            string command = parsed.CommandResult.Command is RootCommand ? "" : $" {parsed.CommandResult.Command.Name}";
            Console.Error.WriteLine($"Try 'quant{command} --help'.");
            return (int)ExitCode.Usage;
        }

        try
        {
            // Commands stop on Ctrl+C in their own way (see Interruption).
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (QuantException e)
        {
            Console.Error.WriteLine($"quant: {e.Message}");
            return (int)e.Code;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("quant: stopped.");
            return (int)ExitCode.Cancelled;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("QUANT_DEBUG") is null)
        {
            Console.Error.WriteLine($"quant: internal error: {e.Message} (set QUANT_DEBUG=1 for details; this is a bug, please report it)");
            return (int)ExitCode.InternalError;
        }
        finally
        {
            FirstUse.End();
        }
    }

    /// <summary>One line, and no names of .NET's types.</summary>
    private static string Plain(string message)
    {
        int type = message.IndexOf(" as expected type", StringComparison.Ordinal);
        return type < 0 ? message.ReplaceLineEndings(" ").Replace("\t", "").Replace("' '", "', '") : $"{message[..type]}: a number is expected.";
    }
}
