using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Inference;

/// <summary>What ONNX Runtime infers of every tensor without running the model, or even having its weights.</summary>
internal static class ShapeInference
{
    /// <summary>Constants of fewer bytes may be shapes, which inference reads; larger ones are weights, whose own shapes are enough.</summary>
    private const int SmallestWeight = 4096;

    /// <summary>
    /// Types and dimensions of the inputs and of every tensor of the main graph: −1 where they are not known, no dimensions
    /// where not even their number is (or there are none).
    /// </summary>
    /// <param name="model">Is not changed.</param>
    /// <param name="sample">Its dimensions take the place of the inputs' variable ones; null leaves those.</param>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model.</exception>
    public static IReadOnlyList<ValueSignature> Of(OnnxModel model, Sample? sample)
    {
        SessionSettings settings = new()
        {
            Optimization = GraphOptimization.None,
            UseArena = false,
            Prepacks = false,
        };
        OnnxModel tapped = TensorProbe.WithOutputs(model, model.Graph.Nodes.SelectMany(n => n.Output).Where(o => o.Length > 0));
        HashSet<string> given = [.. model.Graph.RequiredInputs.Select(i => i.Name)];
        if (sample is not null)
            Fix(tapped.Graph.Proto, sample);
        try
        {
            using ModelSession bare = ModelSession.Create(WithoutWeights(tapped), settings);
            return Signatures(bare, given);
        }
        catch (QuantException)
        {
            // An operator that wants a large constant to be one.
            using ModelSession whole = ModelSession.Create(tapped, settings);
            return Signatures(whole, given);
        }
    }

    private static ValueSignature[] Signatures(ModelSession session, HashSet<string> given) =>
        [.. session.Inputs.Where(i => given.Contains(i.Name)), .. session.Outputs];

    private static void Fix(GraphProto graph, Sample sample)
    {
        foreach (ValueInfoProto input in graph.Input)
        {
            if (!sample.Inputs.TryGetValue(input.Name, out DenseTensor? value) || input.Type?.TensorType is not { } tensor)
                continue;
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.AddRange(value.Shape.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        }
    }

    /// <summary>Weights become inputs of their type and shape.</summary>
    private static OnnxModel WithoutWeights(OnnxModel model)
    {
        OnnxModel bare = model.Clone();
        GraphProto graph = bare.Graph.Proto;
        HashSet<string> inputs = [.. graph.Input.Select(i => i.Name)];
        List<TensorProto> constants = [];
        foreach (TensorProto tensor in graph.Initializer)
        {
            if (tensor.RawData.Length < SmallestWeight || bare.Graph.IsOutput(tensor.Name))
            {
                constants.Add(tensor);
                continue;
            }

            if (!inputs.Add(tensor.Name))
                continue;
            TensorShapeProto shape = new();
            shape.Dim.AddRange(tensor.Dims.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
            graph.Input.Add(new ValueInfoProto
            {
                Name = tensor.Name,
                Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = tensor.DataType, Shape = shape } },
            });
        }

        graph.Initializer.Clear();
        graph.Initializer.AddRange(constants);
        bare.Proto.IrVersion = Math.Max(bare.Proto.IrVersion, 4);
        bare.Graph.Reindex();
        return bare;
    }
}
