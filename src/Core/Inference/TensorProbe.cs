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
    /// Runs <paramref name="sample"/> once without optimization and reports every tensor of the main graph,
    /// model inputs included. Names of tensors that are no dense tensors (sequences, optionals) are left out.
    /// </summary>
    public static IReadOnlyDictionary<string, TensorShape> Observe(OnnxModel model, Sample sample)
    {
        SessionSettings settings = new() { Optimization = GraphOptimization.None, UseArena = false };
        List<(string Tensor, ElementType Type)> tensors;
        using (ModelSession typed = ModelSession.Create(
            WithOutputs(model, model.Graph.Nodes.SelectMany(n => n.Output).Where(o => o.Length > 0)), settings))
        {
            tensors = [.. typed.Outputs.Where(o => o.Type != ElementType.Undefined).Select(o => (o.Name, o.Type))];
        }

        Dictionary<string, TensorShape> shapes = [];
        foreach ((string name, DenseTensor value) in sample.Inputs)
            shapes[name] = new TensorShape(value.Type, value.Shape);
        foreach ((string Tensor, ElementType Type)[] group in tensors.Chunk(TensorsARun))
            AddShapes(model, sample, group, settings, shapes);
        return shapes;
    }

    /// <summary>
    /// As outputs tensors would all be in memory at the end of the run. Their shapes cost nothing, but ONNX Runtime asks
    /// for them last, and keeps the tensors until then: hence in groups.
    /// </summary>
    private static void AddShapes(
        OnnxModel model, Sample sample, (string Tensor, ElementType Type)[] tensors, SessionSettings settings, Dictionary<string, TensorShape> shapes)
    {
        OnnxModel probe = model.Clone();
        string[] outputs = [.. tensors.Select((_, i) => model.Graph.FreshName($"shape/{i}"))];
        probe.Graph.Nodes.AddRange(tensors.Select((t, i) => Nodes.Create("Shape", "", [t.Tensor], [outputs[i]])));
        probe.Graph.Proto.Output.Clear();
        probe.Graph.Proto.Output.AddRange(outputs.Select(o => new ValueInfoProto { Name = o }));
        probe.Graph.Reindex();
        using ModelSession session = ModelSession.Create(probe, settings);
        using RunResult result = session.Run(sample, outputs);
        for (int i = 0; i < outputs.Length; i++)
            shapes[tensors[i].Tensor] = new TensorShape(tensors[i].Type, MemoryMarshal.Cast<byte, long>(result.Bytes(i)).ToArray());
    }
}
