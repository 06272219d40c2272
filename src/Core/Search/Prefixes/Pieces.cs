using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Search.Prefixes;

/// <summary>A candidate in pieces: each takes the model's inputs and what the one before gives.</summary>
internal static class Pieces
{
    /// <summary>The emitted model's pieces; each but the last gives one tensor, the last one the model's outputs.</summary>
    /// <param name="cuts">Tensors of the prepared model, in graph order.</param>
    public static IReadOnlyList<OnnxModel> Of(OnnxModel emitted, IReadOnlyList<string> cuts)
    {
        List<OnnxModel> pieces = [];
        string before = "";
        ElementType type = ElementType.Float;
        foreach (string cut in cuts)
        {
            if (Place(emitted, cut) is not { } place)
                continue;
            pieces.Add(Cut(emitted, before, type, [place.Tensor]));
            (before, type) = place;
        }

        if (pieces.Count == 0)
            return [emitted];
        pieces.Add(Cut(emitted, before, type, emitted.Graph.Proto.Output.Select(o => o.Name)));
        return pieces;
    }

    /// <summary>The nodes that some tensors depend on, those behind a cut left out.</summary>
    public static IReadOnlyList<NodeProto> Behind(OnnxModel model, IEnumerable<string> tensors, string cut)
    {
        HashSet<NodeProto> found = new(ReferenceEqualityComparer.Instance);
        Stack<string> open = new(tensors);
        while (open.TryPop(out string? tensor))
        {
            if (tensor != cut && model.Graph.Producer(tensor) is { } node && found.Add(node))
            {
                foreach (string read in Subgraph.Reads(node))
                    open.Push(read);
            }
        }

        return [.. model.Graph.Nodes.Where(found.Contains)];
    }

    /// <summary>
    /// The tensor's integers where they are all that is read of it: the kernel before the cut then stays one of integers.
    /// Null where emission left no such tensor.
    /// </summary>
    private static (string Tensor, ElementType Type)? Place(OnnxModel emitted, string cut)
    {
        string integers = Emitter.QuantizedName(cut);
        if (emitted.Graph.Producer(integers) is { } node && emitted.Graph.Consumers(cut).All(c => ReferenceEquals(c, node)))
            return (integers, (ElementType)emitted.Graph.Initializer(node.Input[2])!.DataType);
        return emitted.Graph.Producer(cut) is null ? null : (cut, ElementType.Float);
    }

    private static OnnxModel Cut(OnnxModel emitted, string before, ElementType type, IEnumerable<string> outputs)
    {
        string[] wanted = [.. outputs];
        IReadOnlyList<NodeProto> nodes = Behind(emitted, wanted, before);
        HashSet<string> read = [.. nodes.SelectMany(Subgraph.Reads)];
        Dictionary<string, ElementType> inputs = emitted.Graph.RequiredInputs.Where(i => read.Contains(i.Name)).ToDictionary(i => i.Name, i => (ElementType)i.Type.TensorType.ElemType);
        if (before.Length > 0)
            inputs[before] = type;
        return Subgraph.Cut(emitted, nodes, inputs, wanted);
    }
}
