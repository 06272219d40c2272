using k8s;
using k8s.Models;

namespace QuantCluster.Tests.Deploy;

/// <summary>The manifests are read strictly, as the API's own types; what they refer to is there.</summary>
public sealed class KubernetesTests
{
    private static readonly string _folder = Path.Combine(DeployFiles.Root, "deploy", "kubernetes");

    private readonly object[] _objects = [.. Directory.EnumerateFiles(_folder, "*.yaml").Where(f => !f.EndsWith("kustomization.yaml", StringComparison.Ordinal))
        .Order().SelectMany(f => KubernetesYaml.LoadAllFromString(File.ReadAllText(f), strict: true))];

    private IEnumerable<(string Name, V1PodTemplateSpec Pod)> Pods =>
    [
        .. _objects.OfType<V1StatefulSet>().Select(s => (s.Name(), s.Spec.Template)),
        .. _objects.OfType<V1Deployment>().Select(d => (d.Name(), d.Spec.Template)),
    ];

    [Fact]
    public void Kustomization_lists_every_file()
    {
        IEnumerable<string> listed = DeployFiles.Yaml("deploy/kubernetes/kustomization.yaml")["resources"].Texts();
        Assert.Equal(Directory.EnumerateFiles(_folder, "*.yaml").Select(f => Path.GetFileName(f)).Where(f => f != "kustomization.yaml").Order(), listed.Order());
    }

    [Fact]
    public void There_is_what_a_cluster_needs()
    {
        Assert.Equal(["redis", "silo"], _objects.OfType<V1StatefulSet>().Select(s => s.Name()).Order());
        Assert.Equal(3, _objects.OfType<V1StatefulSet>().Single(s => s.Name() == "silo").Spec.Replicas);
        V2HorizontalPodAutoscaler autoscaler = Assert.Single(_objects.OfType<V2HorizontalPodAutoscaler>());
        Assert.Equal(("StatefulSet", "silo"), (autoscaler.Spec.ScaleTargetRef.Kind, autoscaler.Spec.ScaleTargetRef.Name));
        Assert.Equal(["ReadWriteMany"], Assert.Single(_objects.OfType<V1PersistentVolumeClaim>()).Spec.AccessModes);
        Assert.Equal(["deny-by-default", "redis", "silo"], _objects.OfType<V1NetworkPolicy>().Select(p => p.Name()).Order());
    }

    [Fact]
    public void Services_policies_and_probes_name_ports_that_pods_have()
    {
        foreach (V1Service service in _objects.OfType<V1Service>())
        {
            V1PodTemplateSpec pod = Select(service.Spec.Selector);
            Assert.Equal(service.Spec.Ports.Select(p => p.Port).Order(), Ports(pod).Order());
        }

        foreach (V1NetworkPolicy policy in _objects.OfType<V1NetworkPolicy>().Where(p => p.Spec.PodSelector.MatchLabels is not null))
            Assert.Equal(Ports(Select(policy.Spec.PodSelector.MatchLabels)).Order(), policy.Spec.Ingress.SelectMany(i => i.Ports).Select(p => int.Parse(p.Port.Value)).Order());
        V1Container silo = Pods.Single(p => p.Name == "silo").Pod.Spec.Containers[0];
        foreach (V1Probe probe in new[] { silo.StartupProbe, silo.ReadinessProbe, silo.LivenessProbe })
        {
            Assert.Contains(probe.HttpGet.Port.Value, silo.Ports.Select(p => p.Name));
            Assert.Contains($"\"{probe.HttpGet.Path}\"", DeployFiles.Read("src/Silo/Health.cs"));
        }

        foreach (V1ContainerPort port in silo.Ports)
            Assert.Contains($"{port.ContainerPort}", DeployFiles.Read("src/Silo/SiloCommand.cs"));
    }

    [Fact]
    public void Pods_run_as_no_root_with_limits_and_name_volumes_secrets_and_variables_there_are()
    {
        HashSet<string> claims = [.. _objects.OfType<V1PersistentVolumeClaim>().Select(c => c.Name())];
        foreach ((string name, V1PodTemplateSpec pod) in Pods)
        {
            Assert.True(pod.Spec.SecurityContext.RunAsNonRoot, name);
            Assert.Subset(claims, pod.Spec.Volumes?.Where(v => v.PersistentVolumeClaim is not null).Select(v => v.PersistentVolumeClaim.ClaimName).ToHashSet() ?? []);
            V1Container container = Assert.Single(pod.Spec.Containers);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation, name);
            Assert.True(container.Resources.Limits.ContainsKey("memory"), name);
            HashSet<string> volumes = [.. pod.Spec.Volumes?.Select(v => v.Name) ?? [], "data"];
            Assert.Subset(volumes, container.VolumeMounts.Select(m => m.Name).ToHashSet());
            foreach (V1EnvVar variable in container.Env)
            {
                Assert.True(!variable.Name.StartsWith("QUANT_", StringComparison.Ordinal) || DeployFiles.Variables.Contains(variable.Name), $"{name}: nothing reads {variable.Name}");
                if (variable.ValueFrom?.SecretKeyRef is { } secret)
                    Assert.Contains($"secret generic {secret.Name} --from-literal={secret.Key}=", DeployFiles.Read("deploy/kubernetes/kustomization.yaml"));
            }
        }
    }

    private V1PodTemplateSpec Select(IDictionary<string, string> labels) =>
        Assert.Single(Pods, p => labels.All(l => p.Pod.Metadata.Labels.TryGetValue(l.Key, out string? value) && value == l.Value)).Pod;

    private static IEnumerable<int> Ports(V1PodTemplateSpec pod) => pod.Spec.Containers.SelectMany(c => c.Ports ?? []).Select(p => p.ContainerPort);
}
