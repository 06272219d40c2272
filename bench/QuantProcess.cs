using System.Diagnostics;
using System.Text.Json;

namespace QuantCluster.Bench;

/// <summary>The real <c>quant</c> process, as built by <c>./quant</c>.</summary>
internal static class QuantProcess
{
    /// <summary>Runs it and reads the one JSON object it prints.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds what it said.</exception>
    public static Outcome Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Program(), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Stopwatch watch = Stopwatch.StartNew();
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? new Outcome(JsonDocument.Parse(output).RootElement, watch.Elapsed.TotalSeconds)
            : throw new InvalidOperationException($"quant {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.Result.Trim()}");
    }

    private static string Program()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "src", "Client", "bin", "Release", "net10.0", "quant.dll");
            if (File.Exists(candidate))
                return candidate;
        }

        throw new InvalidOperationException("quant is not built yet: run ./quant --version first.");
    }

    internal sealed record Outcome(JsonElement Json, double Seconds);
}
