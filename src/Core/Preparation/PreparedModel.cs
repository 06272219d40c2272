using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>A model ready to be planned, and what was done to make it so.</summary>
/// <param name="Model">Opset 13 or later, constants folded, in canonical order: the same input gives the same bytes.</param>
/// <param name="Rewrites">What was tried, in order; kinds that found nothing to do are not listed.</param>
public sealed record PreparedModel(OnnxModel Model, IReadOnlyList<RewriteReport> Rewrites);

/// <summary>What one kind of rewrite did.</summary>
/// <param name="Name">The kind, e.g. <c>fold-affine-into-producer</c>.</param>
/// <param name="Sites">How many places of the graph it changed (nodes gained or lost, for folding by ONNX Runtime).</param>
/// <param name="Kept">Whether the result stayed equal to the original model and is in the prepared one.</param>
/// <param name="Reason">Why it was dropped; null where it was kept.</param>
public sealed record RewriteReport(string Name, int Sites, bool Kept, string? Reason = null);
