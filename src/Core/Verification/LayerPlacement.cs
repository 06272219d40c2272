using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Verification;

/// <summary>One compute layer of a quantized model and whether ONNX Runtime's CPU provider can run it in integers.</summary>
/// <param name="Node">The node.</param>
/// <param name="Output">The float tensor its result is known by: its own output, or its activation's.</param>
/// <param name="IsQuantized">Whether integers come in and, where that is needed, go out.</param>
/// <param name="Reason">Why, in a few words.</param>
/// <param name="Weights">Number of weights; 0 where it has none.</param>
public sealed record LayerPlacement(NodeProto Node, string Output, bool IsQuantized, string Reason, long Weights)
{
    /// <summary>Whether it computes in float from weights that are stored as integers (<see cref="StoredWeight"/>).</summary>
    public bool IsWeightOnly { get; init; }

    private static readonly HashSet<string> Compute = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

    /// <summary>Reads the placement off a model's QDQ nodes: for models whose plan is not known, of any tool.</summary>
    public static IReadOnlyList<LayerPlacement> Read(OnnxModel model)
    {
        List<LayerPlacement> layers = [];
        foreach (NodeProto node in model.Graph.Nodes)
        {
            if (node.OpType.StartsWith("QLinear", StringComparison.Ordinal) || node.OpType is "QGemm" or "ConvInteger" or "MatMulInteger" or "DynamicQuantizeMatMul" or "MatMulIntegerToFloat")
                layers.Add(new LayerPlacement(node, node.Output[0], true, "an integer op in the model itself", 0));
            else if (Compute.Contains(node.OpType))
                layers.Add(Describe(model.Graph, node));
        }

        return layers;
    }

    private static LayerPlacement Describe(Graph graph, NodeProto node)
    {
        long weights = CountWeights(graph, node.Input[1]);
        string output = AfterActivation(graph, node.Output[0], out bool quantizedAfter);
        bool data = IsDequantized(graph, node.Input[0]), weight = IsDequantized(graph, node.Input[1]), isStored = StoredWeight.Of(graph, node.Input[1]) is not null;
        (bool isQuantized, string reason) = (data, weight) switch
        {
            _ when isStored => (false, "its weights are stored in integers and multiplied out when the model is loaded: it computes in float"),
            (false, false) => (false, "nothing of it is quantized"),
            (false, true) => (false, "its weights are stored in integers, its input is float: it computes in float"),
            (true, false) => (false, "its input is dequantized, its weights are float: it computes in float"),
            _ when node.OpType == "ConvTranspose" => (false, "ONNX Runtime has no integer kernel for ConvTranspose"),
            _ when node.OpType == "Conv" && !quantizedAfter => (false, "no QuantizeLinear at its output: ONNX Runtime runs such a Conv in float"),
            _ => (true, quantizedAfter ? "integers in, integers out" : "integers in, float out"),
        };
        return new LayerPlacement(node, output, isQuantized, reason, weights) { IsWeightOnly = isStored };
    }

    private static bool IsDequantized(Graph graph, string tensor) => graph.Producer(tensor)?.OpType == "DequantizeLinear";

    private static string AfterActivation(Graph graph, string tensor, out bool isQuantized)
    {
        if (graph.Consumers(tensor) is [{ OpType: "Relu" or "Clip" } activation] && !graph.IsOutput(tensor))
            tensor = activation.Output[0];
        isQuantized = graph.Consumers(tensor) is [{ OpType: "QuantizeLinear" }];
        return tensor;
    }

    private static long CountWeights(Graph graph, string tensor)
    {
        while (graph.Producer(tensor) is { OpType: "DequantizeLinear" or "QuantizeLinear" } node)
            tensor = node.Input[0];
        return (graph.Initializer(tensor) ?? StoredWeight.Of(graph, tensor))?.ElementCount() ?? 0;
    }
}
