using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>What differs between the original's answers and a candidate's, in words; null where they are equal.</summary>
/// <param name="candidate">The rewritten model.</param>
/// <param name="optimization">How far ONNX Runtime may rewrite it itself.</param>
internal delegate string? ModelCheck(OnnxModel candidate, GraphOptimization optimization);
