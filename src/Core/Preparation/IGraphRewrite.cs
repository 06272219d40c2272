using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation;

/// <summary>An exact change of a graph at one node. Exact means: equal up to float rounding, for every input.</summary>
internal interface IGraphRewrite
{
    /// <summary>The kind's name in reports and in <see cref="PreparationSettings.Disabled"/>.</summary>
    string Name { get; }

    /// <summary>
    /// Changes <paramref name="graph"/> if the pattern ends or begins at <paramref name="node"/>, and says whether it did.
    /// The caller re-indexes the graph after a change.
    /// </summary>
    bool TryApply(Graph graph, NodeProto node);
}
