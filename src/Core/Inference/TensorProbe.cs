using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Inference;

/// <summary>Element type and dimensions a tensor had in a real run.</summary>
public readonly record struct TensorShape(ElementType Type, long[] Dimensions)
{
    public int Rank => Dimensions.Length;

    public long ElementCount => Dimensions.Aggregate(1L, (n, d) => n * d);
}

/// <summary>Makes intermediate tensors visible: as outputs of a copy of the model.</summary>
public static class TensorProbe
{
    /// <summary>A copy of <paramref name="model"/> that also gives <paramref name="tensors"/>; ONNX Runtime infers their types.</summary>
    public static OnnxModel WithOutputs(OnnxModel model, IEnumerable<string> tensors)
    {
        OnnxModel tapped = model.Clone();
        foreach (string tensor in tensors)
        {
            if (!tapped.Graph.IsOutput(tensor))
                tapped.Graph.Proto.Output.Add(new ValueInfoProto { Name = tensor });
        }

        tapped.Graph.Reindex();
        return tapped;
    }

    /// <summary>
    /// Runs <paramref name="sample"/> once without optimization and reports every tensor of the main graph,
    /// model inputs included. Names of tensors that are no dense tensors (sequences, optionals) are left out.
    /// </summary>
    public static IReadOnlyDictionary<string, TensorShape> Observe(OnnxModel model, Sample sample)
    {
        List<string> tensors = [.. model.Graph.Nodes.SelectMany(n => n.Output).Where(o => o.Length > 0)];
        using ModelSession session = ModelSession.Create(
            WithOutputs(model, tensors), new SessionSettings { Optimization = GraphOptimization.None });
        HashSet<string> dense = [.. session.Outputs.Where(o => o.Type != ElementType.Undefined).Select(o => o.Name)];
        tensors.RemoveAll(t => !dense.Contains(t));

        Dictionary<string, TensorShape> shapes = [];
        foreach ((string name, DenseTensor value) in sample.Inputs)
            shapes[name] = new TensorShape(value.Type, value.Shape);
        using RunResult result = session.Run(sample, tensors);
        for (int i = 0; i < tensors.Count; i++)
            shapes[tensors[i]] = new TensorShape(result.TypeOf(i), result.ShapeOf(i));
        return shapes;
    }
}
