using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Calibration;

/// <summary>The tensors of a model that could be quantized, chosen without a plan.</summary>
public static class ActivationTaps
{
    // Operators ONNX Runtime has integer kernels for, or passes integers through.
    private static readonly HashSet<string> Quantizable =
    [
        "Conv", "ConvTranspose", "MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Concat", "AveragePool", "GlobalAveragePool",
        "MaxPool", "ReduceMean", "Sigmoid", "LeakyRelu", "Softmax", "Resize", "HardSwish", "HardSigmoid", "Tanh", "Gelu",
        "LayerNormalization", "InstanceNormalization", "Where",
    ];

    // What ONNX Runtime makes part of the operator before it.
    private static readonly HashSet<string> Absorbed = ["Relu", "Clip", "BatchNormalization"];

    /// <summary>
    /// Inputs and outputs of quantizable operators that depend on the model's input, in graph order; an output that
    /// only an activation reads is left out for the activation's, so that the two stay fused.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="channels">Whether tensors of rank 3 and more also get figures by channel (axis 1).</param>
    public static IReadOnlyList<TapRequest> Of(OnnxModel model, bool channels)
    {
        Graph graph = model.Graph;
        HashSet<string> live = [.. graph.RequiredInputs.Select(i => i.Name)];
        List<string> candidates = [];
        HashSet<string> seen = [];
        foreach (NodeProto node in graph.Nodes)
        {
            if (!node.Input.Any(live.Contains) && !node.Attribute.Any(a => a.G is not null))
                continue;
            live.UnionWith(node.Output.Where(o => o.Length > 0));
            if (!Quantizable.Contains(node.OpType) && !Absorbed.Contains(node.OpType))
                continue;
            foreach (string tensor in node.Input.Where(live.Contains).Append(node.Output[0]))
            {
                if (!IsAbsorbed(graph, tensor) && seen.Add(tensor))
                    candidates.Add(tensor);
            }
        }

        using ModelSession session = ModelSession.Create(
            TensorProbe.WithOutputs(model, candidates.Where(c => graph.Producer(c) is not null)),
            new SessionSettings { Optimization = GraphOptimization.None });
        Dictionary<string, ValueSignature> types = [];
        foreach (ValueSignature value in (IEnumerable<ValueSignature>)[.. session.Inputs, .. session.Outputs])
            types[value.Name] = value;
        return [.. candidates
            .Where(c => types.TryGetValue(c, out ValueSignature? type) && type.Type == ElementType.Float)
            .Select(c => new TapRequest(c, channels && types[c].Shape.Length >= 3 ? 1 : -1))];
    }

    private static bool IsAbsorbed(Graph graph, string tensor) =>
        !graph.IsOutput(tensor) && graph.Producer(tensor) is not null
        && graph.Consumers(tensor) is [var only] && Absorbed.Contains(only.OpType) && only.Input[0] == tensor;
}
