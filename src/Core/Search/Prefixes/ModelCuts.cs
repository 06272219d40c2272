using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Search.Prefixes;

/// <summary>
/// Where a model comes apart: tensors through which everything goes that later layers need of earlier ones. No layer is
/// on both sides of one; what is cheap (a mask that every block reads) may be computed on both.
/// </summary>
internal static class ModelCuts
{
    /// <summary>What a session and a call more cost is as much as running less than this.</summary>
    private const double FewestMultiplyAccumulates = 20e6;

    /// <summary>The tensors that cut the layers' multiply-accumulates most evenly, in graph order.</summary>
    /// <param name="shapes">Every tensor's, in one real run.</param>
    /// <param name="most">Cuts, at most.</param>
    /// <param name="fewest">Of layers' multiply-accumulates; none for a smaller model.</param>
    public static IReadOnlyList<string> Of(
        OnnxModel model, IReadOnlyDictionary<string, TensorShape> shapes, IReadOnlyList<Layer> layers, int most, double fewest = FewestMultiplyAccumulates)
    {
        if (layers.Sum(l => (double)l.MultiplyAccumulates) < fewest || model.ExceedsSingleFile)
            return [];
        Dictionary<string, double> costs = layers.ToDictionary(l => l.Id, l => (double)l.MultiplyAccumulates);
        double all = costs.Values.Sum();
        string[] outputs = [.. model.Graph.Proto.Output.Select(o => o.Name)];
        List<(string Tensor, double Share)> candidates = [];
        foreach (NodeProto node in model.Graph.Nodes.Where(n => n.Output.Count == 1 && !outputs.Contains(n.Output[0]) && IsFloat(n.Output[0])))
        {
            string tensor = node.Output[0];
            HashSet<string> before = LayersBehind(model, costs, [tensor], ""), after = LayersBehind(model, costs, outputs, tensor);
            if (before.Count > 0 && after.Count > 0 && !before.Overlaps(after))
                candidates.Add((tensor, before.Sum(id => costs[id]) / all));
        }

        // Of tensors between the same layers the last: what is fused with the layer before stays with it.
        (string Tensor, double Share)[] places = [.. candidates.GroupBy(c => c.Share).Select(g => g.Last())];
        List<string> cuts = [];
        for (int i = 1; i <= most && places.Length > 0; i++)
        {
            double wanted = i / (most + 1.0);
            (string tensor, double share) = places.MinBy(p => Math.Abs(p.Share - wanted));
            if (Math.Abs(share - wanted) < 0.5 / (most + 1) && !cuts.Contains(tensor))
                cuts.Add(tensor);
        }

        return cuts;

        bool IsFloat(string tensor) => shapes.TryGetValue(tensor, out TensorShape shape) && shape.Type == ElementType.Float;
    }

    private static HashSet<string> LayersBehind(OnnxModel model, Dictionary<string, double> costs, IEnumerable<string> tensors, string cut) =>
        [.. Pieces.Behind(model, tensors, cut).Where(n => n.Output.Count > 0 && costs.ContainsKey(n.Output[0])).Select(n => n.Output[0])];
}
