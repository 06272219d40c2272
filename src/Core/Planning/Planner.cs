using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>Decides what runs on integers, following what ONNX Runtime's CPU provider really fuses.</summary>
public sealed class Planner
{
    private readonly Graph _graph;
    private readonly IReadOnlyDictionary<string, TensorShape> _shapes;
    private readonly PlanSettings _settings;
    private readonly List<Layer> _layers = [];
    private readonly List<FloatLayer> _floats = [];
    private readonly Dictionary<string, Point> _points = [];
    private readonly HashSet<string> _integerNodes = [];

    private Planner(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, PlanSettings settings)
    {
        _graph = prepared.Graph;
        _shapes = shapes;
        _settings = settings;
    }

    /// <param name="prepared">A model that went through preparation.</param>
    /// <param name="shapes">Every tensor's shape in one real run (<see cref="TensorProbe.Observe"/>).</param>
    /// <exception cref="QuantException">The model has no layer that can be quantized.</exception>
    public static QuantizationPlan Plan(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, PlanSettings settings) =>
        new Planner(prepared, shapes, settings).Run();

    private QuantizationPlan Run()
    {
        FindLayers();
        foreach (Layer layer in _layers)
        {
            Mark(layer.Input, fromInteger: false);
            if (layer.QuantizedResult)
                Mark(layer.Result, fromInteger: true);
        }

        while (SpreadForward())
        {
        }

        foreach (NodeProto node in _graph.Nodes)
        {
            if (CanBeCopy(node))
            {
                foreach (string part in node.Input)
                    Join(_points[part], _points[node.Output[0]]);
            }

            if (PassesThrough(node) && _points.TryGetValue(node.Input[0], out Point? source)
                && _points.TryGetValue(node.Output[0], out Point? target))
                Join(source, target);
        }

        return new QuantizationPlan(_layers, OrderedPoints(), [.. _graph.Nodes.SelectMany(n => n.Output.Take(1)).Where(_integerNodes.Contains)], _floats);
    }

    /// <summary>
    /// Equal parameters on all sides make an integer Concat a copy: faster, and no second rounding. Not where its parts
    /// were cut differently: the wider range of one would undo the fusion of another's Relu or Clip.
    /// </summary>
    private bool CanBeCopy(NodeProto node) =>
        node.IsStandard("Concat") && _integerNodes.Contains(node.Output[0]) && _points.ContainsKey(node.Output[0])
        && node.Input.Select(part => CutOf(_points[part].Root().Tensor)).Distinct().Count() == 1;

    /// <summary>What bounds the values of a group's first tensor: nothing, a Relu, or a Clip and its upper end.</summary>
    private (string? Activation, float? End) CutOf(string tensor) => _graph.Producer(tensor) switch
    {
        { } relu when relu.IsStandard("Relu") => ("Relu", null),
        { } clip when clip.IsStandard("Clip") => ("Clip", ConstantScalar(clip.InputOrNull(2))),
        _ => (null, null),
    };

    private void FindLayers()
    {
        List<(Layer Layer, bool Spatial)> candidates = [];
        foreach (NodeProto node in _graph.Nodes)
        {
            if (node.Domain is not ("" or "ai.onnx") || node.OpType is not ("Conv" or "Gemm" or "MatMul" or "ConvTranspose"))
                continue;
            if (Refusal(node) is { } reason)
                _floats.Add(new FloatLayer(node.Output[0], node.Name, node.OpType, reason));
            else
                candidates.Add((Describe(node), IsSpatial(node)));
        }

        double total = candidates.Sum(c => (double)c.Layer.MultiplyAccumulates);
        HashSet<string> results = [.. candidates.Where(c => c.Layer.QuantizedResult).Select(c => c.Layer.Result)];
        HashSet<string> inputs = [.. candidates.Select(c => c.Layer.Input)];
        foreach ((Layer layer, bool spatial) in candidates)
        {
            string? reason = _settings.KeepFloat.Contains(layer.Id) ? "kept float by the configuration"
                : layer.OpType == "Conv" && !spatial && layer.MultiplyAccumulates < _settings.SmallestShare * total ? "too small to repay the conversions at its borders"
                : IsLonelyDepthwise(layer, results, inputs) ? "a depthwise convolution between float neighbours does not repay the conversions at its borders"
                : null;
            if (reason is null)
                _layers.Add(layer);
            else
                _floats.Add(new FloatLayer(layer.Id, layer.Node, layer.OpType, reason));
        }

        if (_layers.Count == 0)
        {
            string why = _floats.Count == 0 ? "it has no Conv, Gemm or MatMul" : $"its compute nodes stay float: {_floats[0].OpType} {_floats[0].Node}: {_floats[0].Reason}";
            throw new QuantException(ExitCode.BadModel, $"the model has no layer that can be quantized: {why}.");
        }
    }

    /// <summary>
    /// ONNX Runtime's integer depthwise kernels are hardly faster than its float ones. In a chain of integer kernels
    /// they save conversions; alone (between HardSwishes, say) they cost two, and accuracy.
    /// </summary>
    private bool IsLonelyDepthwise(Layer layer, HashSet<string> results, HashSet<string> inputs) =>
        layer.OpType == "Conv" && _graph.Initializer(layer.Weight) is { } weight && weight.Dims[1] == 1 && weight.Dims[0] > 1
        && _graph.Producer(layer.Id)!.IntAttribute("group", 1) > 1
        && !results.Contains(PassedFrom(layer.Input)) && !inputs.Contains(layer.Result)
        && !_graph.Consumers(layer.Result).Any(c => OperatorFacts.PreservesRange(c) || OperatorFacts.HasIntegerKernel(c));

    private string PassedFrom(string tensor)
    {
        while (_graph.Producer(tensor) is { } producer && OperatorFacts.PreservesRange(producer))
            tensor = producer.Input[0];
        return tensor;
    }

    private string? Refusal(NodeProto node)
    {
        if (node.OpType == "ConvTranspose")
            return "ONNX Runtime has no integer kernel for it";
        if (_graph.Initializer(node.Input[1]) is not { } weight)
            return "its weight is not constant";
        if (weight.ElementType() != ElementType.Float || !_shapes.TryGetValue(node.Input[0], out TensorShape input) || input.Type != ElementType.Float)
            return "it does not compute in float32";
        if (weight.ElementCount() == 0)
            return "its weight is empty";
        if (node.OpType == "MatMul" && weight.Dims.Count != 2)
            return "its weight is not a matrix";
        if (node.OpType == "Gemm" && (node.FloatAttribute("alpha", 1) != 1 || node.FloatAttribute("beta", 1) != 1 || node.IntAttribute("transA", 0) != 0))
            return "ONNX Runtime's integer Gemm needs alpha = beta = 1 and transA = 0";
        if (node.OpType is "Conv" or "Gemm" && node.InputOrNull(2) is { } bias && _graph.Initializer(bias) is null)
            return "its bias is not constant";
        if (node.OpType == "Gemm" && node.InputOrNull(2) is { } c && !IsOneAColumn(_graph.Initializer(c)!, OutputChannels(node, weight)))
            return "its bias is not one value a column";
        if (_graph.Initializer(node.Input[0]) is not null)
            return "its input is constant";
        if (node.OpType == "MatMul" && input.Rank == 2 && SoleReader(node.Output[0]) is { } add && add.IsStandard("Add")
            && add.Input.Any(i => _graph.Initializer(i) is { Dims.Count: 2 } constant && !IsOneAColumn(constant, weight.Dims[1])))
            return "ONNX Runtime merges it with the Add behind it into a Gemm, whose bias is float";
        if (!WritesIntegers(node))
            return null;
        string result = Fused(node.Output[0], out _);
        return _graph.IsOutput(result) ? "its output is the model's output, which stays float"
            : _graph.IsUsedInSubgraph(result) ? "its output is read inside an If, Loop or Scan, which stays float"
            : null;
    }

    /// <summary>
    /// Whether the kernel computes in integers only if it also writes integers. A MatMul or Gemm may write floats, but
    /// not in front of a Relu or Clip.
    /// </summary>
    private bool WritesIntegers(NodeProto node) =>
        node.OpType == "Conv" || (SoleReader(node.Output[0]) is { } reader && (reader.IsStandard("Relu") || reader.IsStandard("Clip")));

    /// <summary>A bias for each of <paramref name="columns"/>, which broadcasts along them and nothing else.</summary>
    private static bool IsOneAColumn(TensorProto constant, long columns) =>
        constant.ElementCount() == columns && (columns == 1 || constant.Dims[^1] == columns);

    private static long OutputChannels(NodeProto node, TensorProto weight) => weight.Dims[WeightAxis(node)];

    private static int WeightAxis(NodeProto node) => node.OpType switch
    {
        "Conv" => 0,
        "Gemm" => node.IntAttribute("transB", 0) == 0 ? 1 : 0,
        _ => 1,
    };

    private Layer Describe(NodeProto node)
    {
        string id = node.Output[0], result = id;
        string? bias = node.OpType == "MatMul" ? null : node.InputOrNull(2), activation = null;
        TensorProto weight = _graph.Initializer(node.Input[1])!;
        bool quantizedResult = WritesIntegers(node);
        if (quantizedResult)
        {
            result = Fused(id, out activation);
        }
        else if (node.OpType == "MatMul" && SoleReader(id) is { } add && add.IsStandard("Add")
            && add.Input.FirstOrDefault(i => i != id) is { } other && _graph.Initializer(other) is { } constant
            && constant.ElementType() == ElementType.Float && IsOneAColumn(constant, weight.Dims[1]))
        {
            bias = other;
            result = add.Output[0];
        }

        long outputs = _shapes.TryGetValue(id, out TensorShape shape) ? shape.ElementCount : 0;
        long perOutput = weight.ElementCount() / Math.Max(1, OutputChannels(node, weight));
        return new Layer(
            id, node.Name.Length > 0 ? node.Name : id, node.OpType, node.Input[0], node.Input[1], WeightAxis(node), bias, result,
            activation, quantizedResult, outputs * perOutput, weight.ElementCount())
        {
            ResultRank = shape.Dimensions?.Length ?? 0,
        };
    }

    /// <summary>The tensor after the Relu or Clip that an integer kernel swallows: it must be the only reader.</summary>
    private string Fused(string tensor, out string? activation)
    {
        activation = null;
        if (SoleReader(tensor) is not { } reader)
            return tensor;
        bool swallowed = reader.IsStandard("Relu")
            || (reader.IsStandard("Clip") && ConstantScalar(reader.InputOrNull(1)) is 0f && ConstantScalar(reader.InputOrNull(2)) is > 0f);
        if (!swallowed)
            return tensor;
        activation = reader.OpType;
        return reader.Output[0];
    }

    private float? ConstantScalar(string? name) =>
        name is not null && _graph.Initializer(name) is { } t && t.ElementCount() == 1 && t.ElementType() == ElementType.Float ? t.ToFloats()[0] : null;

    private NodeProto? SoleReader(string tensor) =>
        !_graph.IsOutput(tensor) && !_graph.IsUsedInSubgraph(tensor) && _graph.Consumers(tensor) is [var only] ? only : null;

    private bool IsSpatial(NodeProto node) =>
        _shapes.TryGetValue(node.Output[0], out TensorShape shape) && shape.Dimensions.Skip(2).Any(d => d > 1);

    /// <summary>
    /// Lets integers flow through nodes that stand between points: one whose inputs all come from integer kernels
    /// and whose result is quantized for a reader anyway.
    /// </summary>
    private bool SpreadForward()
    {
        bool changed = false;
        foreach (NodeProto node in _graph.Nodes)
        {
            if (node.Output.Count == 0 || _integerNodes.Contains(node.Output[0]))
                continue;
            bool passes = PassesThrough(node);
            if (!passes && !OperatorFacts.HasIntegerKernel(node))
                continue;
            IEnumerable<string> data = passes ? node.Input.Take(1) : node.Input;
            string result = ResultOf(node);
            if (!data.All(IsInteger) || !LeadsOn(result))
                continue;
            Mark(result, fromInteger: true);
            _integerNodes.Add(node.Output[0]);
            if (passes)
                Join(_points[node.Input[0]], _points[result]);
            changed = true;
        }

        return changed;
    }

    /// <summary>Whether integers may stand at <paramref name="result"/> and would be read as such, there or further on.</summary>
    private bool LeadsOn(string result) =>
        !_graph.IsOutput(result) && !_graph.IsUsedInSubgraph(result) && (_points.ContainsKey(result) || LeadsToPoint(result));

    /// <summary>Whether integers at <paramref name="tensor"/> would be read as integers further on.</summary>
    private bool LeadsToPoint(string tensor) => _graph.Consumers(tensor).Any(reader =>
    {
        bool passes = PassesThrough(reader);
        if (!passes && !(OperatorFacts.HasIntegerKernel(reader) && reader.Input.All(i => i == tensor || IsInteger(i) || TracesToInteger(i))))
            return false;
        return LeadsOn(ResultOf(reader));
    });

    private bool IsInteger(string tensor) => _points.TryGetValue(tensor, out Point? point) && point.FromInteger;

    private bool TracesToInteger(string tensor)
    {
        for (NodeProto? at = _graph.Producer(tensor); at is not null && PassesThrough(at); at = _graph.Producer(at.Input[0]))
        {
            if (IsInteger(at.Input[0]))
                return true;
        }

        return false;
    }

    private bool PassesThrough(NodeProto node) => OperatorFacts.IsPassThrough(node)
        || (OperatorFacts.IsZeroPad(node) && (node.InputOrNull(2) is not { } value || ConstantScalar(value) is 0f));

    private string ResultOf(NodeProto node) => PassesThrough(node) ? node.Output[0] : Fused(node.Output[0], out _);

    private void Mark(string tensor, bool fromInteger)
    {
        if (!_points.TryGetValue(tensor, out Point? point))
            _points[tensor] = point = new Point(tensor);
        point.FromInteger |= fromInteger;
    }

    private static void Join(Point a, Point b)
    {
        Point first = a.Root(), second = b.Root();
        if (!ReferenceEquals(first, second))
            second.Parent = first;
    }

    private List<QuantizationPoint> OrderedPoints()
    {
        IEnumerable<string> order = _graph.Proto.Input.Select(i => i.Name).Concat(_graph.Nodes.SelectMany(n => n.Output));
        return [.. order.Where(_points.ContainsKey).Distinct().Select(t =>
            new QuantizationPoint(t, _points[t].Root().Tensor, _points[t].FromInteger, MayClip(t), SaturatedTail.Of(_graph, t)))];
    }

    private bool MayClip(string tensor) =>
        !_graph.IsOutput(tensor) && !(_graph.Producer(tensor) is { } producer && OperatorFacts.HasFixedRange(producer))
        && !_graph.Consumers(tensor).Any(c => c.IsStandard("Softmax") || c.IsStandard("LogSoftmax"));

    private sealed class Point(string tensor)
    {
        public string Tensor { get; } = tensor;

        public bool FromInteger { get; set; }

        public Point? Parent { get; set; }

        public Point Root() => Parent is null ? this : Parent.Root();
    }
}
