using System.Text.Json.Serialization;

namespace QuantCluster.Cluster;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(JobState))]
[JsonSerializable(typeof(ClusterMember))]
internal sealed partial class ClusterJson : JsonSerializerContext;
