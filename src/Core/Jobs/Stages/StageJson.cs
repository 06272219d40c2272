using System.Text.Json.Serialization;
using QuantCluster.Corrections;
using QuantCluster.Inference;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>The values between stages that are kept as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(IReadOnlyList<RewriteReport>))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, TensorShape>))]
[JsonSerializable(typeof(QuantizationPlan))]
[JsonSerializable(typeof(IReadOnlyList<CorrectionTrial>))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, ActivationChoice>))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(SampleError[][]))]
[JsonSerializable(typeof(SearchOutcome))]
[JsonSerializable(typeof(VerificationResult))]
[JsonSerializable(typeof(LatencyResult))]
[JsonSerializable(typeof(LatencyProfile))]
internal sealed partial class StageJson : JsonSerializerContext;
