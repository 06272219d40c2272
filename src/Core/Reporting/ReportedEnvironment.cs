using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using QuantCluster.Inference;

namespace QuantCluster.Reporting;

/// <summary>The machine and the versions a report's figures belong to.</summary>
public static class ReportedEnvironment
{
    public static IReadOnlyList<ReportedFact> Current() =>
    [
        new("CPU", ProcessorName()),
        new("Integer dot products", IntegerInstructions()),
        new("Logical cores", Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        new("System", $"{RuntimeInformation.OSDescription.Trim()} ({RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()})"),
        new("ONNX Runtime", ModelSession.RuntimeVersion),
        new("QuantCluster", typeof(ReportedEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown"),
        new(".NET", Environment.Version.ToString()),
    ];

    /// <summary>The CPU, what it can, and how many cores there are: times of another are another matter.</summary>
    public static string Processor { get; } = string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{ProcessorName()}, {IntegerInstructions()}, {Environment.ProcessorCount} cores");

    private static string ProcessorName()
    {
        const string Linux = "/proc/cpuinfo";
        if (File.Exists(Linux))
        {
            string? line = File.ReadLines(Linux).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
            if (line?.Split(':', 2) is [_, string name])
                return name.Trim();
        }

        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>What decides how fast INT8 can be (CPUID leaf 7: Intel SDM vol. 2A, table 3-8).</summary>
    private static string IntegerInstructions()
    {
        if (!X86Base.IsSupported)
            return RuntimeInformation.ProcessArchitecture.ToString();
        (int _, int _, int ecx, int edx) = X86Base.CpuId(7, 0);
        (int eax1, int _, int _, int _) = X86Base.CpuId(7, 1);
        List<string> found = [];
        if ((ecx & (1 << 11)) != 0)
            found.Add("AVX512-VNNI");
        if ((eax1 & (1 << 4)) != 0)
            found.Add("AVX-VNNI");
        if ((edx & (1 << 25)) != 0)
            found.Add("AMX-INT8");
        return found.Count > 0 ? string.Join(", ", found) : "none (INT8 gains little speed here)";
    }
}
