using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation;

/// <summary>What is known of a tensor for every input: its type, its rank, and dimensions, −1 where they vary or are unknown.</summary>
internal readonly record struct KnownTensor(ElementType Type, long[] Dimensions);

/// <summary>
/// Finds types, ranks and fixed dimensions of a model's tensors: ONNX Runtime's inference says which dimensions are
/// fixed; where it does not know even the rank, a run of a real sample does.
/// </summary>
internal static class TensorKnowledge
{
    public static Dictionary<string, KnownTensor> Of(OnnxModel model, Sample sample)
    {
        Dictionary<string, KnownTensor> known = [];
        List<ValueSignature> unsure = [];
        foreach (ValueSignature value in ShapeInference.Of(model, sample: null))
        {
            if (value.Type is ElementType.Undefined or ElementType.String)
                continue;
            // Of a scalar and of an unknown rank alike ONNX Runtime gives no dimensions.
            if (value.Shape.Length > 0)
                known[value.Name] = new KnownTensor(value.Type, value.Shape);
            else
                unsure.Add(value);
        }

        Dictionary<string, TensorShape> seen = sample.Inputs.ToDictionary(i => i.Key, i => new TensorShape(i.Value.Type, i.Value.Shape));
        TensorProbe.AddSeen(model, sample, unsure.Where(v => !seen.ContainsKey(v.Name)), seen);
        foreach (ValueSignature value in unsure)
            known[value.Name] = new KnownTensor(value.Type, [.. seen[value.Name].Dimensions.Select(_ => -1L)]);
        return known;
    }

    /// <summary>Writes what is known into the graph, where <see cref="GraphEdits.Dimensions"/> finds it.</summary>
    public static void Annotate(OnnxModel model, IReadOnlyDictionary<string, KnownTensor> tensors)
    {
        GraphProto graph = model.Proto.Graph;
        HashSet<string> boundary = [.. graph.Input.Concat(graph.Output).Select(v => v.Name)];
        graph.ValueInfo.Clear();
        foreach ((string name, KnownTensor tensor) in tensors)
        {
            if (boundary.Contains(name))
                continue;
            TensorShapeProto shape = new();
            foreach (long dimension in tensor.Dimensions)
                shape.Dim.Add(dimension < 0 ? new TensorShapeProto.Types.Dimension() : new TensorShapeProto.Types.Dimension { DimValue = dimension });
            graph.ValueInfo.Add(new ValueInfoProto
            {
                Name = name,
                Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)tensor.Type, Shape = shape } },
            });
        }
    }
}
