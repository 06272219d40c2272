using System.Text.Json;

namespace QuantCluster.Inference;

/// <summary>Reads the profile ONNX Runtime writes: a list of events in the format of Chrome's tracing.</summary>
internal static class KernelTimes
{
    private const string Suffix = "_kernel_time";

    /// <summary>Node name to the milliseconds of each of its executions, in order.</summary>
    public static IReadOnlyDictionary<string, double[]> Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        using JsonDocument events = JsonDocument.Parse(file);
        Dictionary<string, List<double>> times = [];
        foreach (JsonElement e in events.RootElement.EnumerateArray())
        {
            if (!e.TryGetProperty("cat", out JsonElement category) || category.GetString() != "Node"
                || e.GetProperty("name").GetString() is not { } name || !name.EndsWith(Suffix, StringComparison.Ordinal))
                continue;
            string node = name[..^Suffix.Length];
            if (!times.TryGetValue(node, out List<double>? list))
                times[node] = list = [];
            list.Add(e.GetProperty("dur").GetDouble() / 1000);
        }

        return times.ToDictionary(t => t.Key, t => t.Value.ToArray());
    }
}
