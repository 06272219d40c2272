using YamlDotNet.RepresentationModel;

namespace QuantCluster.Tests.Deploy;

/// <summary>What <c>docker-compose.yml</c> refers to is there, and its parts agree with each other and with the code.</summary>
public sealed class ComposeTests
{
    private readonly YamlMappingNode _compose = DeployFiles.Yaml("docker-compose.yml");

    [Fact]
    public void There_are_a_redis_three_silos_a_client_and_the_telemetry()
    {
        Assert.Equal(["client", "grafana", "prometheus", "redis", "silo", "telemetry"], _compose.At("services").Entries().Select(s => s.Key).Order());
        Assert.Equal("3", _compose.At("services", "silo", "deploy", "replicas").ToString());
    }

    [Fact]
    public void Images_that_are_built_have_their_Dockerfile_and_stage()
    {
        foreach ((string name, YamlNode service) in _compose.At("services").Entries().Where(s => s.Value.Has("build")))
        {
            string file = service.At("build", "dockerfile").ToString();
            Assert.Equal(service["image"].ToString(), $"quantcluster-{name}");
            Assert.Contains($" AS {service.At("build", "target")}\n", DeployFiles.Read(file));
        }
    }

    [Fact]
    public void Volumes_networks_and_services_that_are_named_are_there()
    {
        HashSet<string> volumes = [.. _compose["volumes"].Entries().Select(v => v.Key)], services = [.. _compose["services"].Entries().Select(s => s.Key)];
        foreach ((string name, YamlNode service) in _compose["services"].Entries())
        {
            foreach (string volume in service.Has("volumes") ? service["volumes"].Texts() : [])
            {
                string from = volume.Split(':')[0];
                Assert.True(from.StartsWith('.') ? Path.Exists(Path.Combine(DeployFiles.Root, from)) : volumes.Contains(from), $"{name}: {from}");
            }

            if (service.Has("depends_on"))
            {
                IEnumerable<string> needed = service["depends_on"] is YamlSequenceNode list ? list.Texts() : service["depends_on"].Entries().Select(d => d.Key);
                Assert.Subset(services, needed.ToHashSet());
            }

            Assert.Equal(["cluster"], service["networks"].Texts());
        }
    }

    [Fact]
    public void Variables_are_ones_the_programs_read()
    {
        foreach ((string name, YamlNode service) in _compose["services"].Entries().Where(s => s.Value.Has("build")))
        {
            foreach ((string variable, _) in service["environment"].Entries().Where(v => v.Key.StartsWith("QUANT_", StringComparison.Ordinal)))
                Assert.True(DeployFiles.Variables.Contains(variable), $"{name}: nothing reads {variable}");
        }
    }

    [Fact]
    public void Telemetry_goes_from_silos_over_collector_and_Prometheus_to_Grafana()
    {
        YamlMappingNode collector = DeployFiles.Yaml("deploy/telemetry/collector.yaml");
        string received = collector.At("receivers", "otlp", "protocols", "grpc", "endpoint").ToString().Split(':')[1];
        Assert.Equal($"http://telemetry:{received}", _compose.At("services", "silo", "environment", "OTEL_EXPORTER_OTLP_ENDPOINT").ToString());
        string shown = collector.At("exporters", "prometheus", "endpoint").ToString().Split(':')[1];
        YamlNode scrape = DeployFiles.Yaml("deploy/telemetry/prometheus.yaml")["scrape_configs"][0];
        Assert.Equal([$"telemetry:{shown}"], scrape["static_configs"][0]["targets"].Texts());
        YamlNode source = DeployFiles.Yaml("deploy/telemetry/grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
        Assert.Equal("http://prometheus:9090", source["url"].ToString());
        YamlNode provider = DeployFiles.Yaml("deploy/telemetry/grafana/provisioning/dashboards/quantcluster.yaml")["providers"][0];
        Assert.Contains($"./deploy/telemetry/grafana/dashboards:{provider.At("options", "path")}:ro", _compose.At("services", "grafana", "volumes").Texts());
        foreach ((_, YamlNode pipeline) in collector.At("service", "pipelines").Entries())
        {
            foreach (string part in new[] { "receivers", "processors", "exporters" })
                Assert.Subset(collector[part].Entries().Select(e => e.Key).ToHashSet(), pipeline[part].Texts().ToHashSet());
        }
    }
}
