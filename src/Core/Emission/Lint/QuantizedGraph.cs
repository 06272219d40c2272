using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// A graph seen as ONNX Runtime's QDQ optimizer sees it: each tensor's DequantizeLinear and QuantizeLinear, found
/// through the shape operators across which ONNX Runtime propagates them (QDQPropagationTransformer).
/// </summary>
internal sealed class QuantizedGraph
{
    private static readonly HashSet<string> Propagating = ["MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice"];
    private readonly Dictionary<NodeProto, QuantizationNode> _quantization = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _overridable;

    public QuantizedGraph(OnnxModel model)
    {
        Graph = model.Graph;
        Opset = model.Opset;
        // Below IR 4 initializers had to be inputs and cannot be overridden.
        _overridable = model.Proto.IrVersion < 4 ? [] : [.. Graph.Proto.Input.Select(i => i.Name)];
        foreach (NodeProto node in Graph.Nodes.Where(n => IsQuantize(n) || IsDequantize(n)))
            _quantization[node] = new QuantizationNode(node, IntegerTypeOf(node), Constant(node.Input[1]), node.InputOrNull(2) is { } z ? Constant(z) : null);
    }

    public Graph Graph { get; }

    public long Opset { get; }

    public static bool IsQuantize(NodeProto node) => node.OpType == "QuantizeLinear";

    public static bool IsDequantize(NodeProto node) => node.OpType == "DequantizeLinear";

    /// <summary>Its name, or its first output where it has none.</summary>
    public static string NameOf(NodeProto node) => node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(o => o.Length > 0) ?? node.OpType;

    /// <summary>Whether ONNX Runtime moves Q and DQ across the node, as it only moves values.</summary>
    public bool Propagates(NodeProto node) =>
        node.Domain is "" or "ai.onnx" && Propagating.Contains(node.OpType) && (node.OpType != "MaxPool" || Opset >= 12);

    /// <summary>The tensor's value if it is an initializer that nobody can override, or a Constant node's.</summary>
    public TensorProto? Constant(string tensor) =>
        Graph.Initializer(tensor) is { } initializer
            ? (_overridable.Contains(tensor) ? null : initializer)
            : Graph.Producer(tensor) is { OpType: "Constant" } constant ? constant.Attribute("value")?.T : null;

    public bool IsOverridable(string tensor) => Graph.Initializer(tensor) is not null && _overridable.Contains(tensor);

    public QuantizationNode Quantization(NodeProto node) => _quantization[node];

    /// <summary>The DequantizeLinear that makes <paramref name="tensor"/>, directly or across operators that only move values.</summary>
    public QuantizationNode? Dequantizer(string? tensor)
    {
        bool direct = true;
        while (tensor is not null && Graph.Producer(tensor) is { } producer)
        {
            if (IsDequantize(producer))
                return direct || CanPropagate(Quantization(producer)) ? Quantization(producer) : null;
            if (!Propagates(producer) || Graph.IsOutput(tensor))
                return null;
            direct = false;
            tensor = producer.InputOrNull(0);
        }

        return null;
    }

    /// <summary>The DequantizeLinear directly before <paramref name="tensor"/>.</summary>
    public QuantizationNode? DirectDequantizer(string? tensor) =>
        tensor is not null && Graph.Producer(tensor) is { } producer && IsDequantize(producer) ? Quantization(producer) : null;

    /// <summary>
    /// The one QuantizeLinear that takes <paramref name="tensor"/>, directly or across operators that only move values;
    /// null if there is none, or others read the tensor as well.
    /// </summary>
    public QuantizationNode? Quantizer(string tensor)
    {
        bool direct = true;
        while (!Graph.IsOutput(tensor))
        {
            IReadOnlyList<NodeProto> consumers = Graph.Consumers(tensor);
            if (consumers.Count > 0 && consumers.All(IsQuantize))
            {
                // Equal ones are merged by common subexpression elimination.
                QuantizationNode first = Quantization(consumers[0]);
                bool one = consumers.Skip(1).All(c => Quantization(c).SameParameters(first));
                return one && (direct || CanPropagate(first)) ? first : null;
            }

            if (consumers.Count != 1 || !Propagates(consumers[0]) || consumers[0].Input[0] != tensor)
                return null;
            direct = false;
            tensor = consumers[0].Output[0];
        }

        return null;
    }

    private static bool CanPropagate(QuantizationNode node) => node.IsConstant && node.IsPerTensor;

    private ElementType IntegerTypeOf(NodeProto node)
    {
        if (node.InputOrNull(2) is { } zero && (Graph.Initializer(zero) ?? Constant(zero)) is { } zeroPoint)
            return zeroPoint.ElementType();
        if (IsQuantize(node))
            return (ElementType)node.IntAttribute("output_dtype", (long)ElementType.UInt8);
        string input = node.Input[0];
        if ((Graph.Initializer(input) ?? Constant(input)) is { } tensor)
            return tensor.ElementType();
        if (Graph.Producer(input) is { } producer && IsQuantize(producer))
            return IntegerTypeOf(producer);
        return Graph.Proto.Input.FirstOrDefault(i => i.Name == input)?.Type?.TensorType is { } declared
            ? (ElementType)declared.ElemType
            : ElementType.Undefined;
    }
}
