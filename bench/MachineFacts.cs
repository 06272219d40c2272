namespace QuantCluster.Bench;

/// <summary>What a figure's reader must know of the machine.</summary>
internal static class MachineFacts
{
    public static string Processor
    {
        get
        {
            const string info = "/proc/cpuinfo";
            if (!File.Exists(info))
                return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "an unknown processor";
            string[] lines = File.ReadAllLines(info);
            string name = Value(lines, "model name") ?? "an unknown processor";
            string flags = $" {Value(lines, "flags")} ";
            return $"{name}, {(flags.Contains(" avx512_vnni ") ? "AVX512-VNNI" : flags.Contains(" avx_vnni ") ? "AVX-VNNI" : "no VNNI")}, {(flags.Contains(" amx_int8 ") ? "AMX" : "no AMX")}";
        }
    }

    private static string? Value(string[] lines, string key) =>
        lines.FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
