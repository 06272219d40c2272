using System.Runtime.InteropServices;
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
    private const int TensorsARun = 128;

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
    /// Every tensor of the main graph in a run of <paramref name="sample"/>, model inputs included: inferred, and where that
    /// does not tell, seen in a run without optimization. Names of tensors that are no dense tensors (sequences,
    /// optionals) are left out.
    /// </summary>
    public static IReadOnlyDictionary<string, TensorShape> Observe(OnnxModel model, Sample sample)
    {
        Dictionary<string, TensorShape> shapes = [];
        foreach ((string name, DenseTensor value) in sample.Inputs)
            shapes[name] = new TensorShape(value.Type, value.Shape);
        List<ValueSignature> unsure = [];
        foreach (ValueSignature value in ShapeInference.Of(model, sample))
        {
            if (value.Type == ElementType.Undefined || shapes.ContainsKey(value.Name))
                continue;
            // Of a scalar and of an unknown rank alike ONNX Runtime gives no dimensions.
            if (value.Shape.Length > 0 && value.Shape.All(d => d >= 0))
                shapes[value.Name] = new TensorShape(value.Type, value.Shape);
            else
                unsure.Add(value);
        }

        AddSeen(model, sample, unsure, shapes);
        return shapes;
    }

    /// <summary>Runs <paramref name="sample"/> without optimization and adds the shapes that <paramref name="tensors"/> had.</summary>
    internal static void AddSeen(OnnxModel model, Sample sample, IEnumerable<ValueSignature> tensors, Dictionary<string, TensorShape> shapes)
    {
        foreach (ValueSignature[] group in tensors.Chunk(TensorsARun))
            AddShapes(model, sample, group, shapes);
    }

    /// <summary>
    /// As outputs tensors would all be in memory at the end of the run. Their shapes cost nothing, but ONNX Runtime asks
    /// for them last, and keeps the tensors until then: hence in groups.
    /// </summary>
    private static void AddShapes(OnnxModel model, Sample sample, ValueSignature[] tensors, Dictionary<string, TensorShape> shapes)
    {
        OnnxModel probe = model.Clone();
        string[] outputs = [.. tensors.Select((_, i) => model.Graph.FreshName($"shape/{i}"))];
        probe.Graph.Nodes.AddRange(tensors.Select((t, i) => Nodes.Create("Shape", "", [t.Name], [outputs[i]])));
        probe.Graph.Proto.Output.Clear();
        probe.Graph.Proto.Output.AddRange(outputs.Select(o => new ValueInfoProto { Name = o }));
        probe.Graph.Reindex();
        using ModelSession session = ModelSession.Create(probe, new SessionSettings { Optimization = GraphOptimization.None, UseArena = false, Prepacks = !model.IsLarge });
        using RunResult result = session.Run(sample, outputs);
        for (int i = 0; i < outputs.Length; i++)
            shapes[tensors[i].Name] = new TensorShape(tensors[i].Type, MemoryMarshal.Cast<byte, long>(result.Bytes(i)).ToArray());
    }
}
