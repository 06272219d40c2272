using Google.Protobuf;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission;

/// <summary>A two-dimensional convolution of an emitted model, all of it behind DequantizeLinear, that may get channels of zeros.</summary>
internal sealed class QuantizedConvolution
{
    private readonly Graph _graph;
    private readonly NodeProto _weight;
    private readonly NodeProto? _bias;

    private QuantizedConvolution(Graph graph, NodeProto node, NodeProto input, NodeProto weight, NodeProto? bias)
    {
        (_graph, Node, Input, _weight, _bias) = (graph, node, input, weight, bias);
        KernelSize = Weight.Dims[2] * Weight.Dims[3];
    }

    public NodeProto Node { get; }

    /// <summary>The DequantizeLinear it reads.</summary>
    public NodeProto Input { get; }

    public long Group => Node.IntAttribute("group", 1);

    public long OutputChannels => Weight.Dims[0];

    /// <summary>Of one group.</summary>
    public long InputChannels => Weight.Dims[1];

    public long KernelSize { get; }

    public bool IsDepthwise => Group > 1 && Group == OutputChannels && InputChannels == 1;

    private TensorProto Weight => _graph.Initializer(_weight.Input[0])!;

    /// <summary>Null where a node is no such convolution, or shares constants with another.</summary>
    public static QuantizedConvolution? At(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("Conv") || Dequantize(node.Input[0]) is not { } input || Dequantize(node.Input[1]) is not { } weight
            || graph.Initializer(weight.Input[0]) is not { } integers || integers.ElementType() != ElementType.Int8 || integers.Dims.Count != 4
            || weight.Input.Count != 3 || !weight.Input.All(IsItsOwn) || input.Input.Count != 3 || graph.Initializer(input.Input[1])?.Dims.Count != 0)
            return null;
        NodeProto? bias = node.InputOrNull(2) is { } name ? Dequantize(name) : null;
        if (node.InputOrNull(2) is not null && (bias is null || !bias.Input.All(IsItsOwn)))
            return null;
        return new QuantizedConvolution(graph, node, input, weight, bias);

        NodeProto? Dequantize(string tensor) => graph.Producer(tensor) is { } producer && producer.IsStandard("DequantizeLinear") ? producer : null;

        bool IsItsOwn(string constant) => graph.Initializer(constant) is not null && graph.Consumers(constant).Count == 1;
    }

    public void AddInputChannels(long channels) => Widen(Weight, 1, channels);

    /// <summary>Makes so many channels, and, where it is depthwise, takes as many.</summary>
    public void AddOutputChannels(long channels)
    {
        bool depthwise = IsDepthwise;
        foreach (string constant in _bias is null ? _weight.Input : _weight.Input.Concat(_bias.Input))
        {
            TensorProto tensor = _graph.Initializer(constant)!;
            if (tensor.Dims.Count > 0)
                Widen(tensor, 0, channels);
        }

        if (depthwise)
            Node.Attribute("group")!.I = channels;
    }

    /// <summary>Zeros behind what an axis has; scales, which must not be zero, repeat the last.</summary>
    private static void Widen(TensorProto tensor, int axis, long length)
    {
        byte[] old = tensor.RawData.ToByteArray();
        int outer = (int)tensor.Dims.Take(axis).Aggregate(1L, (a, b) => a * b), inner = old.Length / outer, wide = (int)(inner / tensor.Dims[axis] * length);
        byte[] values = new byte[outer * wide];
        for (int i = 0; i < outer; i++)
            old.AsSpan(i * inner, inner).CopyTo(values.AsSpan(i * wide));
        if (tensor.ElementType() == ElementType.Float)
        {
            for (int i = inner; i < wide; i++)
                values[i] = old[old.Length - sizeof(float) + (i % sizeof(float))];
        }

        tensor.Dims[axis] = length;
        tensor.RawData = UnsafeByteOperations.UnsafeWrap(values);
    }
}
