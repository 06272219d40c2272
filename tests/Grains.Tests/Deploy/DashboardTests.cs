using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using QuantCluster.Grains;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Deploy;

/// <summary>The dashboard shows what the programs tell.</summary>
public sealed partial class DashboardTests
{
    [Fact]
    public void Every_metric_of_the_dashboard_is_one_of_ours()
    {
        HashSet<string> known = ["dotnet_process_memory_working_set_bytes"];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name.StartsWith("QuantCluster.", StringComparison.Ordinal))
                known.UnionWith(NamesOf(instrument));
        };
        WorkInstruments.BeginStage("test").Dispose();
        OrderInstruments.Work.AddNew();
        listener.Start();
        using SiloInstruments silo = new(new CoreGate(1), new JobRooms(new NoJobs()), new CoordinatorCount());

        using JsonDocument dashboard = JsonDocument.Parse(DeployFiles.Read("deploy/telemetry/grafana/dashboards/quantcluster.json"));
        string[] asked = [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(p => p.GetProperty("targets").EnumerateArray())
            .SelectMany(t => Metric().Matches(t.GetProperty("expr").GetString()!).Select(m => m.Value))];
        Assert.True(asked.Length > 15);
        Assert.All(asked, a => Assert.Contains(a, known));
    }

    [Fact]
    public void Panels_do_not_overlap()
    {
        using JsonDocument dashboard = JsonDocument.Parse(DeployFiles.Read("deploy/telemetry/grafana/dashboards/quantcluster.json"));
        HashSet<(int, int)> taken = [];
        foreach (JsonElement place in dashboard.RootElement.GetProperty("panels").EnumerateArray().Select(p => p.GetProperty("gridPos")))
        {
            (int x, int y, int w, int h) = (place.GetProperty("x").GetInt32(), place.GetProperty("y").GetInt32(), place.GetProperty("w").GetInt32(), place.GetProperty("h").GetInt32());
            Assert.InRange(x + w, 1, 24);
            Assert.All(Enumerable.Range(0, w * h), i => Assert.True(taken.Add((x + (i % w), y + (i / w)))));
        }
    }

    /// <summary>As the collector's Prometheus exporter names it.</summary>
    private static string[] NamesOf(Instrument instrument)
    {
        string name = instrument.Name.Replace('.', '_') + instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        return instrument.GetType().Name.Split('`')[0] switch
        {
            "Counter" => [name + "_total"],
            "Histogram" => [name + "_bucket", name + "_sum", name + "_count"],
            _ => [name],
        };
    }

    [GeneratedRegex("(quantcluster|dotnet)_[a-z_]+")]
    private static partial Regex Metric();

    private sealed class NoJobs : IJobOpener
    {
        public OpenJob Open(string job) => throw new QuantException(ExitCode.Usage, "there are no jobs here");
    }
}
