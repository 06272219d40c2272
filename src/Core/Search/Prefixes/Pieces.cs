using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Search.Prefixes;

/// <summary>A candidate in pieces: each takes the model's inputs and what the one before gives.</summary>
internal static class Pieces
{
    /// <summary>The emitted model's pieces, and the tensor each hands on; the last one gives the model's outputs.</summary>
    /// <param name="cuts">Tensors of the prepared model, in graph order.</param>
    public static IReadOnlyList<(OnnxModel Model, string? HandsOn)> Of(OnnxModel emitted, IReadOnlyList<string> cuts)
    {
        List<(OnnxModel, string?)> pieces = [];
        string before = "";
        ElementType type = ElementType.Float;
        foreach (string cut in cuts)
        {
            (string tensor, ElementType next) = Place(emitted, cut);
            pieces.Add((Cut(emitted, before, type, [tensor]), tensor));
            (before, type) = (tensor, next);
        }

        pieces.Add((Cut(emitted, before, type, emitted.Graph.Proto.Output.Select(o => o.Name)), null));
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

    /// <summary>Integers where that is all that is read of the tensor: the kernel before the cut stays one of integers.</summary>
    private static (string Tensor, ElementType Type) Place(OnnxModel emitted, string cut)
    {
        string integers = Emitter.QuantizedName(cut);
        return emitted.Graph.Producer(integers) is { } node && emitted.Graph.Consumers(cut).All(c => ReferenceEquals(c, node))
            ? (integers, (ElementType)emitted.Graph.Initializer(node.Input[2])!.DataType)
            : (cut, ElementType.Float);
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
