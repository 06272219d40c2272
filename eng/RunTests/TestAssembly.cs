using System.Diagnostics;

namespace QuantCluster.Engineering;

/// <summary>The test projects of the repository: each is built as an executable of its own.</summary>
internal static class TestAssembly
{
    /// <summary>The built assembly of every project under <c>tests/</c>, by name.</summary>
    public static IEnumerable<string> FindUnder(string root) =>
        Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.Tests.csproj", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(project => Path.Combine(
                Path.GetDirectoryName(project)!, "bin", "Release", "net10.0", Path.GetFileNameWithoutExtension(project) + ".dll"));

    /// <summary>Runs one assembly, its output going where ours goes. One that is missing or dies counts as a failure.</summary>
    public static TestCount Run(string assembly, string[] arguments)
    {
        string name = Path.GetFileNameWithoutExtension(assembly);
        if (!File.Exists(assembly))
            return Broken($"{name} was not built ({assembly})");

        string report = Path.Combine(Path.GetTempPath(), $"{name}.{Environment.ProcessId}.json");
        try
        {
            ProcessStartInfo start = new(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet");
            start.ArgumentList.Add(assembly);
            start.ArgumentList.Add("-noLogo");
            if (Console.IsOutputRedirected)
                start.ArgumentList.Add("-noColor");
            start.ArgumentList.Add("-result-ctrf");
            start.ArgumentList.Add(report);
            foreach (string argument in AsOptions(arguments))
                start.ArgumentList.Add(argument);

            Console.Out.Flush();
            using Process process = Process.Start(start)!;
            process.WaitForExit();
            if (!File.Exists(report))
                return Broken($"{name} ended with code {process.ExitCode} before its tests were done");
            TestCount count = TestCount.ReadReport(report);
            bool silentFailure = process.ExitCode != 0 && count.Failed == 0 && count.Passed > 0;
            return silentFailure ? count + Broken($"{name} ended with code {process.ExitCode}") : count;
        }
        finally
        {
            File.Delete(report);
        }
    }

    /// <summary>A bare word is part of a class's name; anything that starts with a dash is xunit's own.</summary>
    private static string[] AsOptions(string[] arguments) => arguments is [var filter] && !filter.StartsWith('-')
        ? ["-class", $"*{filter.Trim('*')}*"]
        : arguments;

    private static TestCount Broken(string message)
    {
        Console.Error.WriteLine($"test: {message}");
        return new TestCount(0, 1, 0);
    }
}
