using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>Which tensors are quantized, which of them by integer kernels, and which share parameters.</summary>
internal sealed class IntegerFlow
{
    private readonly Graph _graph;
    private readonly Dictionary<string, Point> _points = [];
    private readonly HashSet<string> _integerNodes = [];

    // Tensors that lead to no point, until there is a new one: without them a net of nested Concats is walked along every path.
    private readonly HashSet<string> _deadEnds = [];

    public IntegerFlow(Graph graph, IReadOnlyList<Layer> layers)
    {
        _graph = graph;
        foreach (Layer layer in layers)
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

            if (_graph.PassesThrough(node) && _points.TryGetValue(node.Input[0], out Point? source)
                && _points.TryGetValue(node.Output[0], out Point? target))
                Join(source, target);
        }
    }

    /// <summary>Outputs of nodes other than layers that run on integers, in graph order.</summary>
    public IReadOnlyList<string> IntegerNodes => [.. _graph.Nodes.SelectMany(n => n.Output.Take(1)).Where(_integerNodes.Contains)];

    /// <summary>In graph order, model inputs first.</summary>
    public IReadOnlyList<QuantizationPoint> Points()
    {
        IEnumerable<string> order = _graph.Proto.Input.Select(i => i.Name).Concat(_graph.Nodes.SelectMany(n => n.Output));
        return [.. order.Where(_points.ContainsKey).Distinct().Select(t =>
            new QuantizationPoint(t, _points[t].Root().Tensor, _points[t].FromInteger, MayClip(t), SaturatedTail.Of(_graph, t)))];
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
        { } clip when clip.IsStandard("Clip") => ("Clip", _graph.ConstantScalar(clip.InputOrNull(2))),
        _ => (null, null),
    };

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
            bool passes = _graph.PassesThrough(node);
            if (!passes && !OperatorFacts.HasIntegerKernel(node))
                continue;
            IEnumerable<string> data = passes ? node.Input.Take(1) : node.Input;
            string result = _graph.ResultOf(node);
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
    private bool LeadsToPoint(string tensor)
    {
        if (_deadEnds.Contains(tensor))
            return false;
        foreach (NodeProto reader in _graph.Consumers(tensor))
        {
            bool reads = _graph.PassesThrough(reader)
                || (OperatorFacts.HasIntegerKernel(reader) && reader.Input.All(i => i == tensor || IsInteger(i) || TracesToInteger(i)));
            if (reads && LeadsOn(_graph.ResultOf(reader)))
                return true;
        }

        _deadEnds.Add(tensor);
        return false;
    }

    private bool IsInteger(string tensor) => _points.TryGetValue(tensor, out Point? point) && point.FromInteger;

    private bool TracesToInteger(string tensor)
    {
        for (NodeProto? at = _graph.Producer(tensor); at is not null && _graph.PassesThrough(at); at = _graph.Producer(at.Input[0]))
        {
            if (IsInteger(at.Input[0]))
                return true;
        }

        return false;
    }

    private void Mark(string tensor, bool fromInteger)
    {
        if (!_points.TryGetValue(tensor, out Point? point))
            _points[tensor] = point = new Point(tensor);
        point.FromInteger |= fromInteger;
        _deadEnds.Clear();
    }

    private static void Join(Point a, Point b)
    {
        Point first = a.Root(), second = b.Root();
        if (!ReferenceEquals(first, second))
            second.Parent = first;
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
