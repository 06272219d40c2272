using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Emission;

/// <summary>
/// Channels of nothing but zeros, added where ONNX Runtime's fast integer convolution wants a multiple: of 4 input channels
/// for a dense one, of 16 channels for a depthwise one (MLAS, convsym.cpp; x64). Without them it copies patches, or goes
/// channel by channel. What is added is multiplied by zeros: the model answers as before, bit for bit.
/// </summary>
/// <param name="emitted">Is changed.</param>
/// <param name="plan">What the model was emitted from.</param>
internal sealed class AlignedChannels(OnnxModel emitted, QuantizationPlan plan)
{
    /// <summary>What the channels of a depthwise convolution should be a multiple of.</summary>
    public const int DepthwiseChannels = 16;

    private const int DenseChannels = 4, FewestOutputs = 16;

    /// <summary>More work than this many times the old is not worth the better kernel.</summary>
    private const double MostGrowth = 1.5;

    /// <summary>Elements of patches in one run below which a convolution does not repay the Pad in front of it.</summary>
    private const long FewestPatches = 16_000;

    private readonly Dictionary<string, Layer> _layers = plan.Layers.Where(l => l.OpType == "Conv").ToDictionary(l => l.Id);

    private Graph Graph => emitted.Graph;

    public static void Apply(OnnxModel emitted, QuantizationPlan plan) => new AlignedChannels(emitted, plan).Run();

    private void Run()
    {
        foreach (NodeProto node in Graph.Nodes.ToArray())
        {
            if (QuantizedConvolution.At(Graph, node) is not { } convolution || !_layers.TryGetValue(node.Output[0], out Layer? layer))
                continue;
            if (convolution.IsDepthwise)
                WidenDepthwise(convolution);
            else if (convolution.Group == 1)
                WidenInput(convolution, layer);
        }

        Graph.Reindex();
    }

    /// <summary>Whether a dense convolution of an image gets channels.</summary>
    /// <param name="products">Multiply-accumulates of one run.</param>
    /// <param name="kernel">Elements of the kernel in one channel.</param>
    public static bool WidensInput(long channels, long outputs, long kernel, long products) =>
        IsWorthIt(channels, DenseChannels) && outputs >= FewestOutputs && outputs % DenseChannels == 0 && kernel > 1 && products / outputs >= FewestPatches;

    /// <summary>The channels that a depthwise convolution has, where those around it allow it.</summary>
    public static long WidensDepthwise(long channels) => IsWorthIt(channels, DepthwiseChannels) ? Aligned(channels, DepthwiseChannels) : channels;

    private static long Aligned(long channels, int multiple) => (channels + multiple - 1) / multiple * multiple;

    private static bool IsWorthIt(long channels, int multiple) =>
        channels % multiple != 0 && Aligned(channels, multiple) <= MostGrowth * channels;

    /// <summary>An image's channels: the integers are padded on their way to the convolution.</summary>
    private void WidenInput(QuantizedConvolution convolution, Layer layer)
    {
        NodeProto read = convolution.Input;
        if (!WidensInput(convolution.InputChannels, convolution.OutputChannels, convolution.KernelSize, layer.MultiplyAccumulates)
            || Graph.Producer(read.Input[0]) is not { OpType: "QuantizeLinear" } quantize || Graph.Producer(quantize.Input[0]) is { OpType: "Conv" or "Relu" or "Clip" })
            return;
        long channels = Aligned(convolution.InputChannels, DenseChannels), added = channels - convolution.InputChannels;
        convolution.AddInputChannels(channels);
        string integers = read.Input[0], wide = Graph.FreshName(integers + "_wide"), pads = Graph.FreshName(integers + "_wide_pads"), floats = Graph.FreshName(read.Output[0] + "_wide");
        Graph.Proto.Initializer.Add(Tensors.FromInt64s(pads, [8], [0, 0, 0, 0, 0, added, 0, 0]));
        NodeProto dequantize = Nodes.Create("DequantizeLinear", floats, [wide, read.Input[1], read.Input[2]], [floats]);
        int place = Graph.Nodes.IndexOf(read);
        if (Graph.Consumers(read.Output[0]).Count == 1 && !Graph.IsOutput(read.Output[0]))
            Graph.Nodes.RemoveAt(place);
        Graph.Nodes.Insert(place, Nodes.Create("Pad", wide, [integers, pads, read.Input[2]], [wide]));
        Graph.Nodes.Insert(place + 1, dequantize);
        convolution.Node.Input[0] = floats;
        Graph.Reindex();
    }

    /// <summary>Channels from the dense convolution that makes them, through depthwise ones, to the dense ones that read them.</summary>
    private void WidenDepthwise(QuantizedConvolution depthwise)
    {
        long wide = WidensDepthwise(depthwise.OutputChannels);
        if (wide == depthwise.OutputChannels)
            return;
        List<QuantizedConvolution> makers = [depthwise];
        while (makers[^1].IsDepthwise)
        {
            if (Maker(makers[^1]) is not { } maker || (maker.Group != 1 && !maker.IsDepthwise))
                return;
            makers.Add(maker);
        }

        List<QuantizedConvolution> readers = [];
        for (QuantizedConvolution last = depthwise; readers.Count == 0 || readers[0].IsDepthwise; last = readers[0])
        {
            if (Readers(last) is not { Count: > 0 } found || (found.Any(r => r.Group != 1) && (found.Count > 1 || !found[0].IsDepthwise)))
                return;
            readers = [.. found];
            if (readers[0].IsDepthwise)
                makers.Add(readers[0]);
        }

        foreach (QuantizedConvolution maker in makers)
            maker.AddOutputChannels(wide);
        foreach (QuantizedConvolution reader in readers)
            reader.AddInputChannels(wide);
    }

    /// <summary>The convolution whose integers this one alone reads.</summary>
    private QuantizedConvolution? Maker(QuantizedConvolution reader)
    {
        if (Graph.Producer(reader.Input.Input[0]) is not { OpType: "QuantizeLinear" } quantize || Graph.Producer(quantize.Input[0]) is not { } made)
            return null;
        NodeProto? node = made.OpType is "Relu" or "Clip" ? Graph.Producer(made.Input[0]) : made;
        return node is not null && QuantizedConvolution.At(Graph, node) is { } maker && Readers(maker) is [var only] && ReferenceEquals(only.Node, reader.Node) ? maker : null;
    }

    /// <summary>The convolutions that read what one makes, where nothing else does; null otherwise.</summary>
    private IReadOnlyList<QuantizedConvolution>? Readers(QuantizedConvolution maker)
    {
        string tensor = maker.Node.Output[0];
        if (Only(tensor) is { OpType: "Relu" or "Clip" } activation)
            tensor = activation.Output[0];
        if (Only(tensor) is not { OpType: "QuantizeLinear" } quantize || Only(quantize.Output[0]) is not { OpType: "DequantizeLinear" } dequantize || Graph.IsOutput(dequantize.Output[0]))
            return null;
        QuantizedConvolution?[] readers = [.. Graph.Consumers(dequantize.Output[0]).Select(n => QuantizedConvolution.At(Graph, n))];
        return readers.Contains(null) ? null : [.. readers.Select(r => r!)];
    }

    private NodeProto? Only(string tensor) => !Graph.IsOutput(tensor) && !Graph.IsUsedInSubgraph(tensor) && Graph.Consumers(tensor) is [var only] ? only : null;
}
