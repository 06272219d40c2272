using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>Finds the inputs of layers whose channels can be scaled exactly.</summary>
/// <param name="prepared">The float model.</param>
/// <param name="sample">Real inputs: shapes, and which channels an attention copies where, are read off a run.</param>
internal sealed class ScalableTensors(OnnxModel prepared, QuantizationPlan plan, Sample sample)
{
    private readonly Graph _graph = prepared.Graph;
    private readonly Dictionary<string, QuantizationPoint> _points = plan.Points.ToDictionary(p => p.Tensor);
    private IReadOnlyDictionary<string, TensorShape>? _shapes;

    /// <summary>In graph order.</summary>
    public IReadOnlyList<ScalableTensor> Find()
    {
        List<ScalableTensor> found = [];
        foreach (string tensor in plan.Layers.Select(l => l.Input).Distinct())
        {
            // Points of a group share one scale; a tensor that others share it with cannot get another range.
            if (plan.Points.Count(p => p.Group == _points[tensor].Group) == 1 && Of(tensor) is { } scalable)
                found.Add(scalable);
        }

        found.AddRange(plan.Layers.Where(l => l.QuantizedResult).Select(Restored).OfType<ScalableTensor>());
        return found;
    }

    /// <summary>What a layer makes as integers and only nodes that stay float read: they can be given the channels back as they were.</summary>
    private ScalableTensor? Restored(Layer layer)
    {
        string tensor = layer.Result;
        IReadOnlyList<NodeProto> readers = _graph.Consumers(tensor);
        if (plan.Points.Count(p => p.Group == _points[tensor].Group) != 1 || _graph.IsOutput(tensor) || _graph.IsUsedInSubgraph(tensor)
            || plan.Layers.Any(l => l.Input == tensor) || readers.Any(r => plan.IntegerNodes.Contains(r.Output[0])))
            return null;
        bool convolved = layer.OpType == "Conv";
        int axis = AxisOf(tensor, convolved);
        Way way = new(convolved ? 1 : -1) { Channels = (int)ShapeOf(tensor)[axis] };
        return way.Channels > 1 && Climb(tensor, way) && way.Ceiling is null
            ? new ScalableTensor(tensor, axis, BehindOf(tensor, convolved), way.Channels, way.Makers, [], way.Sources ?? Identity(way.Channels), null, true, way.Intermediates)
            : null;
    }

    private ScalableTensor? Of(string tensor)
    {
        Layer[] layers = [.. plan.Layers.Where(l => l.Input == tensor)];
        bool convolved = layers[0].OpType == "Conv";
        if (layers.Any(l => (l.OpType == "Conv") != convolved))
            return null;
        Way way = new(convolved ? 1 : -1);
        List<ChannelConstant> takers = [];
        int channels = -1;
        foreach (NodeProto reader in _graph.Consumers(tensor))
        {
            bool isLayer = layers.Any(l => l.Id == reader.Output[0]);
            if (Taker(reader, tensor) is { } taker && (channels < 0 || channels == taker.Channels))
                (channels, way.IsWhole) = (taker.Channels, Add(takers, taker.Constant) && way.IsWhole);
            else if (isLayer)
                return null;
            else
                way.IsWhole = false;
        }

        if (channels <= 1)
            return null;
        way.Channels = channels;
        way.IsWhole &= !_graph.IsOutput(tensor) && !_graph.IsUsedInSubgraph(tensor) && Climb(tensor, way);
        if (way.IsWhole)
            return new ScalableTensor(tensor, AxisOf(tensor, convolved), BehindOf(tensor, convolved), channels, way.Makers, takers, way.Sources ?? Identity(channels), way.Ceiling, false, way.Intermediates);

        // Others read it as it is, or nothing before it takes factors: the layers alone may get a multiplied copy.
        if (convolved || _points[tensor].FromIntegerKernel || _graph.Producer(tensor) is null)
            return null;
        List<ChannelConstant> own = [.. layers.Select(l => Taker(_graph.Producer(l.Id)!, tensor)?.Constant).OfType<ChannelConstant>()];
        return own.Count == layers.Length
            ? new ScalableTensor(tensor, AxisOf(tensor, convolved), BehindOf(tensor, convolved), channels, [], own, Identity(channels), null, false, [])
            : null;
    }

    private static bool Add(List<ChannelConstant> takers, ChannelConstant constant)
    {
        takers.Add(constant);
        return true;
    }

    private int AxisOf(string tensor, bool convolved) => convolved ? 1 : ShapeOf(tensor).Length - 1;

    private int BehindOf(string tensor, bool convolved) => convolved ? ShapeOf(tensor).Length - 2 : 0;

    private static int[] Identity(int channels) => [.. Enumerable.Range(0, channels)];

    /// <summary>The weight that a reader multiplies the tensor's channels with, and their number.</summary>
    private (ChannelConstant Constant, int Channels)? Taker(NodeProto node, string tensor)
    {
        if (!node.IsStandard(node.OpType) || node.OpType is not ("Conv" or "Gemm" or "MatMul") || node.Input[0] != tensor || node.Input.Skip(1).Contains(tensor)
            || Own(node.Input[1]) is not { } weight)
            return null;
        long[] shape = [.. weight.Dims];
        switch (node.OpType)
        {
            case "Conv":
                int groups = (int)node.IntAttribute("group", 1), each = (int)shape[1], outputs = (int)shape[0] / groups;
                int taps = (int)shape.Skip(2).Aggregate(1L, (n, d) => n * d);
                return (new ChannelConstant(weight.Name, taps, [.. Enumerable.Range(0, groups == 1 ? each : groups * outputs * each).Select(i => (i / each / outputs * each) + (i % each))]), groups * each);
            case "Gemm" when node.IntAttribute("transA", 0) == 0 && node.IntAttribute("transB", 0) != 0:
                return (new ChannelConstant(weight.Name, 1, Identity((int)shape[1])), (int)shape[1]);
            case "Gemm" when node.IntAttribute("transA", 0) != 0:
                return null;
            default:
                return shape.Length == 2 ? (new ChannelConstant(weight.Name, (int)shape[1], Identity((int)shape[0])), (int)shape[0]) : null;
        }
    }

    /// <summary>Goes against the flow to constants that take the factors of <paramref name="tensor"/>; false where there are none, or not alone.</summary>
    private bool Climb(string tensor, Way way)
    {
        if (_graph.Producer(tensor) is not { } node || node.Domain is not ("" or "ai.onnx") || node.Output.Count(o => o.Length > 0) != 1)
            return false;
        switch (node.OpType)
        {
            case "Relu":
                return ClimbInto(node.Input[0], way);
            case "Clip" when _graph.ConstantScalar(node.InputOrNull(1)) is 0f:
                way.Ceiling = node.InputOrNull(2) is null ? way.Ceiling : Math.Min(way.Ceiling ?? float.PositiveInfinity, _graph.ConstantScalar(node.Input[2]) ?? 0);
                return ClimbInto(node.Input[0], way);
            case "Conv" or "Gemm" or "MatMul":
                return TakeWeight(node, way);
            case "LayerNormalization":
                return way.Axis < 0 && node.IntAttribute("axis", -1) is var axis && (axis == -1 || axis == ShapeOf(tensor).Length - 1)
                    && Take(node.Input[1], way) && (node.InputOrNull(2) is not { } beta || Take(beta, way));
            case "Add":
                return ConstantOf(node) is { } shift && Take(node.Input[shift], way) && ClimbInto(node.Input[1 - shift], way);
            case "Mul" when ConstantOf(node) is { } factor:
                return Take(node.Input[factor], way);
            case "Mul":
                return ClimbEither(node, way);
            default:
                return way.Axis < 0 && ClimbThroughAttention(tensor, way);
        }
    }

    private bool ClimbInto(string tensor, Way way)
    {
        way.Intermediates.Add(tensor);
        return !_points.ContainsKey(tensor) && _graph.SoleReader(tensor) is not null && Climb(tensor, way);
    }

    /// <summary>One factor of a product scales the product (the gate or the value of a gated layer).</summary>
    private bool ClimbEither(NodeProto product, Way way)
    {
        foreach (string input in product.Input)
        {
            Way attempt = way.Copy();
            if (ShapeOf(input).AsSpan().SequenceEqual(ShapeOf(product.Output[0])) && ClimbInto(input, attempt))
            {
                way.Become(attempt);
                return true;
            }
        }

        return false;
    }

    /// <summary>A layer that makes the channels: its weight, and its bias.</summary>
    private bool TakeWeight(NodeProto node, Way way)
    {
        bool convolution = node.OpType == "Conv";
        if (convolution != (way.Axis == 1) || Own(node.Input[1]) is not { } weight || way.Sources is not null)
            return false;
        long[] shape = [.. weight.Dims];
        if (node.OpType == "MatMul" && shape.Length != 2)
            return false;
        if (node.OpType == "Gemm" && (node.FloatAttribute("alpha", 1) != 1 || node.FloatAttribute("beta", 1) != 1))
            return false;
        int axis = convolution || (node.OpType == "Gemm" && node.IntAttribute("transB", 0) != 0) ? 0 : 1;
        int channels = (int)shape[axis], inner = (int)shape.Skip(axis + 1).Aggregate(1L, (n, d) => n * d);
        if (channels != way.Channels)
            return false;
        way.Makers.Add(new ChannelConstant(weight.Name, inner, Identity(channels)));
        return node.InputOrNull(2) is not { } bias || Take(bias, way);
    }

    /// <summary>A constant with one value a channel.</summary>
    private bool Take(string name, Way way)
    {
        if (Own(name) is not { } constant || constant.ElementCount() != way.Channels)
            return false;
        int axis = constant.Dims.IndexOf(way.Channels), behind = constant.Dims.Count - 1 - axis;
        if (way.Axis < 0 ? behind != 0 : constant.Dims.Count > 1 && axis != 1 && behind < 1)
            return false;
        way.Makers.Add(new ChannelConstant(name, 1, Identity(way.Channels)));
        return true;
    }

    /// <summary>Which input of an Add or Mul is constant.</summary>
    private int? ConstantOf(NodeProto node)
    {
        int at = node.Input.Select((name, i) => (name, i)).Where(p => _graph.Initializer(p.name) is not null).Select(p => p.i).DefaultIfEmpty(-1).First();
        return at < 0 ? null : at;
    }

    private TensorProto? Own(string name) =>
        _graph.Initializer(name) is { } constant && constant.ElementType() == ElementType.Float && _graph.Consumers(name).Count == 1 && !_graph.IsUsedInSubgraph(name)
            && !_graph.IsOutput(name) ? constant : null;

    /// <summary>
    /// From the mixed values of an attention (weights × values, moved and copied before and after) back to the layer that
    /// makes the values. Which channel is which follows from a run on values that are their channel's number: an attention's
    /// weights add up to one.
    /// </summary>
    private bool ClimbThroughAttention(string tensor, Way way)
    {
        string at = tensor;
        bool mixed = false;
        for (NodeProto? node = _graph.Producer(at); node is not null; node = _graph.Producer(at))
        {
            bool moves = node.OpType is "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" or "Tile" or "Expand" or "Identity";
            bool mixes = node.OpType == "MatMul" && _graph.Initializer(node.Input[1]) is null && _graph.Producer(node.Input[0])?.IsStandard("Softmax") == true;
            if (!moves && !mixes)
                break;
            mixed |= mixes;
            at = node.Input[mixes ? 1 : 0];
            way.Intermediates.Add(at);
            if (_points.ContainsKey(at) || _graph.SoleReader(at) is null)
                return false;
        }

        if (at == tensor || !mixed || Sources(tensor, at) is not { } sources)
            return false;

        Way values = new(-1) { Channels = (int)ShapeOf(at)[^1] };
        if (!Climb(at, values) || values.Ceiling is not null)
            return false;
        way.Intermediates.AddRange(values.Intermediates);
        way.Makers.AddRange(values.Makers.Select(m => m with { Channels = [.. m.Channels.Select(c => Array.IndexOf(sources, c))] }));
        way.Sources = sources;
        // A value nobody mixes in would have no factor.
        return Enumerable.Range(0, values.Channels).All(c => Array.IndexOf(sources, c) >= 0);
    }

    /// <summary>For each channel of <paramref name="tensor"/> the channel of <paramref name="values"/> it is a mixture of; null where it is of several.</summary>
    private int[]? Sources(string tensor, string values)
    {
        HashSet<string> wanted = [tensor];
        List<NodeProto> piece = [];
        foreach (NodeProto node in _graph.Nodes.Reverse().Where(n => n.Output.Any(wanted.Contains) && !n.Output.Contains(values)))
        {
            wanted.UnionWith(Subgraph.Reads(node).Where(r => r != values));
            piece.Add(node);
        }

        piece.Reverse();
        Dictionary<string, ElementType> fed = _graph.RequiredInputs.Where(i => wanted.Contains(i.Name)).ToDictionary(i => i.Name, i => (ElementType)i.Type.TensorType.ElemType);
        fed[values] = ElementType.Float;
        long[] shape = ShapeOf(values);
        float[] numbers = new float[shape.Aggregate(1L, (n, d) => n * d)];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = i % shape[^1];
        Dictionary<string, DenseTensor> inputs = fed.Keys.ToDictionary(f => f, f => f == values ? DenseTensor.FromFloats(shape, numbers) : sample.Inputs[f]);
        using ModelSession session = ModelSession.Create(Subgraph.Cut(prepared, piece, fed, [tensor]), new SessionSettings());
        using RunResult result = session.Run(inputs, [tensor]);
        ReadOnlySpan<float> mixtures = result.Floats(0);
        int[] sources = new int[result.ShapeOf(0)[^1]];
        for (int i = 0; i < mixtures.Length; i++)
        {
            int channel = (int)MathF.Round(mixtures[i]);
            if (Math.Abs(mixtures[i] - channel) > 0.01f + (1e-4f * channel) || (i >= sources.Length && sources[i % sources.Length] != channel))
                return null;
            sources[i % sources.Length] = channel;
        }

        return sources;
    }

    private long[] ShapeOf(string tensor) => (_shapes ??= TensorProbe.Observe(prepared, sample))[tensor].Dimensions;

    /// <summary>What was gathered on the way up.</summary>
    private sealed class Way(int axis)
    {
        /// <summary>1 for a convolution's channels, −1 for a product's.</summary>
        public int Axis { get; } = axis;

        public int Channels { get; set; }

        /// <summary>Whether all that read and make the tensor can take factors.</summary>
        public bool IsWhole { get; set; } = true;

        public List<ChannelConstant> Makers { get; private set; } = [];

        public List<string> Intermediates { get; private set; } = [];

        public int[]? Sources { get; set; }

        public float? Ceiling { get; set; }

        public Way Copy() => new(Axis) { Channels = Channels, Makers = [.. Makers], Intermediates = [.. Intermediates], Sources = Sources, Ceiling = Ceiling };

        public void Become(Way other) => (Makers, Intermediates, Sources, Ceiling) = (other.Makers, other.Intermediates, other.Sources, other.Ceiling);
    }
}
