using System.Runtime.InteropServices;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// A graph seen as ONNX Runtime's QDQ optimizer sees it: each tensor's DequantizeLinear and QuantizeLinear, found
/// through the shape operators across which ONNX Runtime propagates them (QDQPropagationTransformer), and with the
/// types it gives them: where INT8 kernels are not used (x64) it turns an INT8 Q-DQ pair into UINT8, but only if the
/// pair has one reader (EnsureUniqueDQForNodeUnit, QDQS8ToU8Transformer).
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

    /// <summary>Whether ONNX Runtime keeps INT8 activations, as it does on ARM64 only.</summary>
    public static bool KeepsInt8 => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

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
        string read = tensor ?? "";
        while (tensor is not null && Graph.Producer(tensor) is { } producer)
        {
            if (IsDequantize(producer))
            {
                QuantizationNode found = Quantization(producer);
                if (!direct && !CanPropagate(found))
                    return null;
                bool paired = direct ? PairOf(producer) : found.HasZeroPoint && Readers(read) <= 1;
                return paired && TurnsUnsigned(found) ? found.AsUnsigned() : found;
            }

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
                if (!one || !(direct || CanPropagate(first)))
                    return null;
                bool paired = direct ? consumers.Count == 1 && Graph.Consumers(first.Node.Output[0]) is [var reader] && IsDequantize(reader) && PairOf(reader) : first.HasZeroPoint;
                return paired && TurnsUnsigned(first) ? first.AsUnsigned() : first;
            }

            if (consumers.Count != 1 || !Propagates(consumers[0]) || consumers[0].Input[0] != tensor)
                return null;
            direct = false;
            tensor = consumers[0].Output[0];
        }

        return null;
    }

    private static bool TurnsUnsigned(QuantizationNode node) => node.StoredType == ElementType.Int8 && !KeepsInt8;

    /// <summary>Whether a DequantizeLinear forms a pair with its QuantizeLinear that nothing else shares.</summary>
    private bool PairOf(NodeProto dequantize) =>
        Graph.Producer(dequantize.Input[0]) is { } quantize && IsQuantize(quantize)
        && !Graph.IsOutput(quantize.Output[0]) && Graph.Consumers(quantize.Output[0]).Count == 1
        && Quantization(dequantize) is { HasZeroPoint: true, IsConstant: true, IsPerTensor: true } after
        && Quantization(quantize) is { HasZeroPoint: true, IsConstant: true, IsPerTensor: true } before
        && before.ZeroPoints is [var a] && after.ZeroPoints is [var b] && a == b
        && Readers(dequantize.Output[0]) <= 1;

    /// <summary>How many node inputs and model outputs read a tensor.</summary>
    private int Readers(string tensor) =>
        Graph.Consumers(tensor).Sum(n => Math.Max(1, n.Input.Count(i => i == tensor))) + (Graph.IsOutput(tensor) ? 1 : 0);

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
