using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>Finds the compute nodes that can run on integers and repay it, and says why the others do not.</summary>
internal sealed class LayerFinder(Graph graph, IReadOnlyDictionary<string, TensorShape> shapes, PlanSettings settings)
{
    private readonly Graph _graph = graph;
    private readonly List<Layer> _layers = [];
    private readonly List<FloatLayer> _floats = [];

    /// <exception cref="QuantException">There is none.</exception>
    public (IReadOnlyList<Layer> Layers, IReadOnlyList<FloatLayer> Floats) Find()
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
            string? reason = settings.KeepFloat.Contains(layer.Id) ? "kept float by the configuration"
                : layer.OpType == "Conv" && !spatial && layer.MultiplyAccumulates < settings.SmallestShare * total ? "too small to repay the conversions at its borders"
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

        return (_layers, _floats);
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
        if (weight.ElementType() != ElementType.Float || !shapes.TryGetValue(node.Input[0], out TensorShape input) || input.Type != ElementType.Float)
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
        if (node.OpType == "MatMul" && input.Rank == 2 && _graph.SoleReader(node.Output[0]) is { } add && add.IsStandard("Add")
            && add.Input.Any(i => _graph.Initializer(i) is { Dims.Count: 2 } constant && !IsOneAColumn(constant, weight.Dims[1])))
            return "ONNX Runtime merges it with the Add behind it into a Gemm, whose bias is float";
        if (!WritesIntegers(node))
            return null;
        string result = _graph.Fused(node.Output[0], out _);
        return _graph.IsOutput(result) ? "its output is the model's output, which stays float"
            : _graph.IsUsedInSubgraph(result) ? "its output is read inside an If, Loop or Scan, which stays float"
            : null;
    }

    /// <summary>
    /// Whether the kernel computes in integers only if it also writes integers. A MatMul or Gemm may write floats, but
    /// not in front of a Relu or Clip.
    /// </summary>
    private bool WritesIntegers(NodeProto node) =>
        node.OpType == "Conv" || (_graph.SoleReader(node.Output[0]) is { } reader && (reader.IsStandard("Relu") || reader.IsStandard("Clip")));

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
            result = _graph.Fused(id, out activation);
        }
        else if (node.OpType == "MatMul" && _graph.SoleReader(id) is { } add && add.IsStandard("Add")
            && add.Input.FirstOrDefault(i => i != id) is { } other && _graph.Initializer(other) is { } constant
            && constant.ElementType() == ElementType.Float && IsOneAColumn(constant, weight.Dims[1]))
        {
            bias = other;
            result = add.Output[0];
        }

        long outputs = shapes.TryGetValue(id, out TensorShape shape) ? shape.ElementCount : 0;
        long perOutput = weight.ElementCount() / Math.Max(1, OutputChannels(node, weight));
        return new Layer(
            id, node.Name.Length > 0 ? node.Name : id, node.OpType, node.Input[0], node.Input[1], WeightAxis(node), bias, result,
            activation, quantizedResult, outputs * perOutput, weight.ElementCount())
        {
            ResultRank = shape.Dimensions?.Length ?? 0,
        };
    }

    private bool IsSpatial(NodeProto node) =>
        shapes.TryGetValue(node.Output[0], out TensorShape shape) && shape.Dimensions.Skip(2).Any(d => d > 1);
}
