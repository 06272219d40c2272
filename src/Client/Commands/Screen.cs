using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary>Where tables go: the terminal as it is, or plain wide text where stdout is a file or a pipe.</summary>
internal static class Screen
{
    public static IAnsiConsole Open()
    {
        if (!Console.IsOutputRedirected)
            return AnsiConsole.Console;
        IAnsiConsole plain = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        plain.Profile.Width = 200;
        return plain;
    }
}
