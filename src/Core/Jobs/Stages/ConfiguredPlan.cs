using QuantCluster.Corrections;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>A plan with the numbers that were chosen for it.</summary>
/// <param name="PlanBlob">The plan's blob.</param>
/// <param name="Plan">What runs on integers.</param>
/// <param name="Ranges">Blob of the configuration before corrections.</param>
/// <param name="Configuration">Blob of the configuration after corrections.</param>
/// <param name="Corrections">What was tried.</param>
internal sealed record ConfiguredPlan(
    BlobId PlanBlob, QuantizationPlan Plan, BlobId Ranges, BlobId Configuration, IReadOnlyList<CorrectionTrial> Corrections);
