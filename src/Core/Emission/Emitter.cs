using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Preparation;

namespace QuantCluster.Emission;

/// <summary>
/// Writes the QDQ model that ONNX Runtime's CPU provider turns into integer kernels: every quantization point gets
/// QuantizeLinear and DequantizeLinear, every layer an INT8 weight and an INT32 bias behind DequantizeLinear.
/// </summary>
public sealed class Emitter
{
    private readonly OnnxModel _model;
    private readonly QuantizationPlan _plan;
    private readonly QuantizationConfiguration _configuration;
    private readonly Dictionary<string, QuantizationPoint> _points;
    private readonly Dictionary<string, Layer> _layers;
    private readonly HashSet<string> _integerNodes;
    private readonly HashSet<string> _written = [];
    private readonly Dictionary<(string Sum, string Constant), (Layer Layer, float[]? Corrected)> _addends = [];
    private readonly bool _hasFixedInputs;
    private readonly PerChannelReads _perChannelReads;
    private readonly List<NodeProto> _nodes = [];
    private readonly string? _unpackable;
    private readonly bool _packs;
    private readonly HashSet<string> _taken;

    private Emitter(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration)
    {
        _model = prepared.Clone();
        _plan = plan;
        _configuration = configuration;
        _points = plan.Points.ToDictionary(p => p.Tensor);
        _layers = plan.Layers.ToDictionary(l => l.Id);
        _integerNodes = [.. plan.IntegerNodes];
        _perChannelReads = new PerChannelReads(_model.Graph, n => _layers.ContainsKey(n.Output[0]) || _integerNodes.Contains(n.Output[0]));
        if (plan.Layers.Select(l => configuration.Weights[l.Id]).Concat(configuration.WeightOnly.Values).Any(w => w.Type == IntegerType.Int4))
        {
            _unpackable = Int4Opset.Raise(_model);
            _packs = _unpackable is null;
        }

        _hasFixedInputs = _model.Graph.RequiredInputs.All(i => i.Type?.TensorType?.Shape is { } shape
            && shape.Dim.All(d => d.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue));
        _taken = [.. _model.Graph.Proto.Initializer.Select(i => i.Name), .. _model.Graph.Nodes.SelectMany(n => n.Output), .. _model.Graph.Proto.Input.Select(i => i.Name)];
    }

    /// <summary>The dequantized tensor's name in an emitted model, for the tensor it stands for.</summary>
    public static string DequantizedName(string tensor) => tensor + "_DequantizeLinear";

    /// <summary>The integer tensor's name in an emitted model.</summary>
    public static string QuantizedName(string tensor) => tensor + "_QuantizeLinear";

    /// <summary>The name of a layer's integer weights in an emitted model.</summary>
    internal static string WeightName(QuantizationPlan plan, Layer layer) => WeightStem(plan, layer) + "_quantized";

    /// <summary>The emitted model. The same arguments give the same bytes.</summary>
    public static OnnxModel Emit(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration)
    {
        ScaledModel scaled = ScaledModel.Of(prepared, plan, configuration);
        return new Emitter(scaled.Prepared, scaled.Plan, scaled.Configuration).Run(configuration.Hash());
    }

    private OnnxModel Run(string hash)
    {
        GraphProto graph = _model.Graph.Proto;
        foreach (QuantizationPoint point in _plan.Points.Where(p => _model.Graph.Producer(p.Tensor) is null))
            AddPoint(point);
        foreach (NodeProto node in _model.Graph.Nodes)
        {
            _layers.TryGetValue(node.Output.Count > 0 ? node.Output[0] : "", out Layer? layer);
            bool integer = layer is not null || (node.Output.Count > 0 && _integerNodes.Contains(node.Output[0]));
            NodeProto rewired = node.Clone();
            for (int i = 0; i < node.Input.Count; i++)
            {
                if (_points.TryGetValue(node.Input[i], out QuantizationPoint? point) && (integer || point.FromIntegerKernel))
                    rewired.Input[i] = i == 0 && _perChannelReads.Of(node, point.Tensor) is { } wanted
                        ? wanted.Channels > 1 ? AddPerChannelRead(point, wanted.Axis, wanted.Channels) : AddClippedRead(point)
                        : DequantizedName(point.Tensor);
            }

            if (integer && node.IsStandard("Pad"))
            {
                AddIntegerPad(rewired, node);
                continue;
            }

            if (layer is not null)
                AddWeightAndBias(layer, rewired);
            else if (node.Output.Count > 0 && _configuration.WeightOnly.TryGetValue(node.Output[0], out QuantizedWeight? weight))
                rewired.Input[1] = AddStoredWeight(node.Input[1], weight);
            for (int i = 0; i < rewired.Input.Count; i++)
            {
                if (node.Output.Count > 0 && _addends.Remove((node.Output[0], rewired.Input[i]), out (Layer Layer, float[]? Corrected) addend))
                    rewired.Input[i] = AddAddend(rewired.Input[i], addend.Layer, addend.Corrected);
            }

            _nodes.Add(rewired);
            foreach (string output in node.Output)
            {
                if (_points.TryGetValue(output, out QuantizationPoint? point))
                    AddPoint(point);
            }
        }

        // ONNX Runtime runs even nodes that nobody reads.
        HashSet<string> read = [.. _nodes.SelectMany(Subgraph.Reads), .. graph.Output.Select(o => o.Name)];
        _nodes.RemoveAll(n => n.OpType == "DequantizeLinear" && !read.Contains(n.Output[0]));
        graph.Node.Clear();
        graph.Node.AddRange(_nodes);
        graph.ValueInfo.Clear();
        RemoveUnused(graph);
        Stamp(hash);
        _model.Graph.Reindex();
        return _model;
    }

    private void AddPoint(QuantizationPoint point)
    {
        (string scale, string zeroPoint) = AddParameters(point);
        _nodes.Add(Onnx.Nodes.Create("QuantizeLinear", point.Tensor + "_quantize", [point.Tensor, scale, zeroPoint], [Claim(QuantizedName(point.Tensor))]));
        AddDequantize(point, scale, zeroPoint);
    }

    private void AddDequantize(QuantizationPoint point, string scale, string zeroPoint) =>
        _nodes.Add(Onnx.Nodes.Create(
            "DequantizeLinear", point.Tensor + "_dequantize", [QuantizedName(point.Tensor), scale, zeroPoint], [Claim(DequantizedName(point.Tensor))]));

    /// <summary>
    /// A Pad between two points: ONNX Runtime would dequantize, pad floats and quantize again. Padding the integers
    /// with the zero point is the same, exactly.
    /// </summary>
    private void AddIntegerPad(NodeProto pad, NodeProto original)
    {
        QuantizationPoint result = _points[original.Output[0]];
        (string scale, string zeroPoint) = AddParameters(result);
        pad.Input[0] = QuantizedName(original.Input[0]);
        while (pad.Input.Count < 3)
            pad.Input.Add("");
        pad.Input[2] = zeroPoint;
        pad.Output[0] = Claim(QuantizedName(result.Tensor));
        _nodes.Add(pad);
        AddDequantize(result, scale, zeroPoint);
    }

    private (string Scale, string ZeroPoint) AddParameters(QuantizationPoint point)
    {
        string scale = point.Group + "_scale", zeroPoint = point.Group + "_zero_point";
        if (_written.Add(scale))
        {
            AffineMapping mapping = _configuration.Activations[point.Tensor];
            AddInitializer(Tensors.FromFloats(Claim(scale), [], [mapping.Scale]));
            AddInitializer(StoredIntegers.Tensor(Claim(zeroPoint), mapping.Type, [], [mapping.ZeroPoint]));
        }

        return (scale, zeroPoint);
    }

    /// <summary>The same values read with one (equal) scale a channel (see <see cref="PerChannelReads"/>).</summary>
    private string AddPerChannelRead(QuantizationPoint point, int axis, int channels)
    {
        string along = axis == 1 ? "_by_channel" : "_by_row", name = DequantizedName(point.Tensor) + along;
        if (!_written.Add(name))
            return name;
        AffineMapping mapping = _configuration.Activations[point.Tensor];
        string scale = Claim(point.Tensor + "_scale" + along), zeroPoint = Claim(point.Tensor + "_zero_point" + along);
        AddInitializer(Tensors.FromFloats(scale, [channels], [.. Enumerable.Repeat(mapping.Scale, channels)]));
        AddInitializer(StoredIntegers.Tensor(zeroPoint, mapping.Type, [channels], [.. Enumerable.Repeat(mapping.ZeroPoint, channels)]));
        _nodes.Add(Onnx.Nodes.Create("DequantizeLinear", name, [QuantizedName(point.Tensor), scale, zeroPoint], [Claim(name)], Onnx.Nodes.Int("axis", axis)));
        return name;
    }

    /// <summary>The same values behind a Clip at the least and greatest that their integers stand for (see <see cref="PerChannelReads"/>).</summary>
    private string AddClippedRead(QuantizationPoint point)
    {
        string name = DequantizedName(point.Tensor) + "_whole";
        if (!_written.Add(name))
            return name;
        AffineMapping mapping = _configuration.Activations[point.Tensor];
        string least = Claim(point.Tensor + "_least"), greatest = Claim(point.Tensor + "_greatest");
        AddInitializer(Tensors.FromFloats(least, [], [mapping.Dequantize(mapping.Type.Minimum())]));
        AddInitializer(Tensors.FromFloats(greatest, [], [mapping.Dequantize(mapping.Type.Maximum())]));
        _nodes.Add(Onnx.Nodes.Create("Clip", name, [DequantizedName(point.Tensor), least, greatest], [Claim(name)]));
        return name;
    }

    /// <summary>ONNX Runtime casts a constant once, when it loads the model: its integer kernels take INT8.</summary>
    private string AddCast(string values, string stem, ElementType type)
    {
        string cast = Claim(stem + "_unpacked");
        _nodes.Add(Onnx.Nodes.Create("Cast", stem + "_unpack", [values], [cast], Onnx.Nodes.Int("to", (long)type)));
        return cast;
    }

    /// <summary>The weight of a layer that computes in float, as integers (<see cref="StoredWeight"/>).</summary>
    private string AddStoredWeight(string original, QuantizedWeight weight)
    {
        string stem = original + "_stored", expanded = stem + "_expanded";
        if (!_written.Add(expanded))
            return expanded;
        IReadOnlyList<long> shape = _model.Graph.Initializer(original)!.Dims;
        QuantizedWeight stored = _packs ? weight : weight with { Type = IntegerType.Int8 };
        AddInitializer(Tensors.FromBytes(Claim(stem), StoredIntegers.ElementTypeOf(stored.Type), shape, StoredIntegers.Pack(stored)));
        AddInitializer(Tensors.FromFloats(Claim(stem + "_scale"), StoredWeight.ScaleShape(shape, weight), weight.Scales));
        string floats = AddCast(stem, stem, ElementType.Float);
        _nodes.Add(Onnx.Nodes.Create("Mul", stem + "_expand", [floats, stem + "_scale"], [Claim(expanded)]));
        return expanded;
    }

    private static string WeightStem(QuantizationPlan plan, Layer layer) =>
        plan.Layers.Count(l => l.Weight == layer.Weight) > 1 ? $"{layer.Weight}_{layer.Id}" : layer.Weight;

    private void AddWeightAndBias(Layer layer, NodeProto node)
    {
        QuantizedWeight weight = _configuration.Weights[layer.Id];
        TensorProto original = _model.Graph.Initializer(layer.Weight)!;
        string stem = WeightStem(_plan, layer);
        long[] parameterShape = weight.Axis < 0 ? [] : [weight.Scales.Length];
        string values = Claim(WeightName(_plan, layer)), scale = Claim(stem + "_scale"), zeroPoint = Claim(stem + "_zero_point");
        QuantizedWeight stored = _packs ? weight : weight with { Type = IntegerType.Int8 };
        AddInitializer(Tensors.FromBytes(values, StoredIntegers.ElementTypeOf(stored.Type), original.Dims, StoredIntegers.Pack(stored)));
        AddInitializer(Tensors.FromFloats(scale, parameterShape, weight.Scales));
        AddInitializer(StoredIntegers.Tensor(zeroPoint, IntegerType.Int8, parameterShape, new int[weight.Scales.Length]));
        if (stored.Type == IntegerType.Int4)
            values = AddCast(values, stem, ElementType.Int8);
        AttributeProto[] axis = weight.Axis < 0 ? [] : [Onnx.Nodes.Int("axis", weight.Axis)];
        string dequantized = Claim(stem + "_DequantizeLinear");
        _nodes.Add(Onnx.Nodes.Create("DequantizeLinear", stem + "_dequantize", [values, scale, zeroPoint], [dequantized], axis));
        node.Input[1] = dequantized;

        float[]? bias = _configuration.Biases.GetValueOrDefault(layer.Id);
        if (layer.OpType == "MatMul")
        {
            ReplaceAddend(layer, bias);
            return;
        }

        bias ??= layer.Bias is null ? null : _model.Graph.Initializer(layer.Bias)!.ToFloats();
        if (bias is null)
            return;
        float[] biasScales = QuantizedBias.Scales(_configuration.Activations[layer.Input].Scale, weight.Scales);
        string biasValues = Claim(layer.Id + "_bias_quantized"), biasScale = Claim(layer.Id + "_bias_scale");
        AddInitializer(Tensors.FromInt32s(biasValues, [bias.Length], QuantizedBias.Quantize(bias, biasScales)));
        AddInitializer(Tensors.FromFloats(biasScale, parameterShape, biasScales));
        string biasDequantized = Claim(layer.Id + "_bias_DequantizeLinear");
        _nodes.Add(Onnx.Nodes.Create("DequantizeLinear", layer.Id + "_bias_dequantize", [biasValues, biasScale], [biasDequantized], weight.Axis < 0 ? [] : [Onnx.Nodes.Int("axis", 0)]));
        if (node.Input.Count == 2)
            node.Input.Add(biasDequantized);
        else
            node.Input[2] = biasDequantized;
    }

    /// <summary>Notes what has to become of the constant that an Add puts on a MatMul.</summary>
    private void ReplaceAddend(Layer layer, float[]? corrected)
    {
        if (_model.Graph.Consumers(layer.Id) is not [var add] || !add.IsStandard("Add"))
            return;
        string? constant = add.Input.FirstOrDefault(i => i != layer.Id && _model.Graph.Initializer(i) is not null);
        corrected = constant == layer.Bias ? corrected : null;
        if (constant is not null && (corrected is not null || IsMerged(layer, _model.Graph.Initializer(constant)!)))
            _addends[(add.Output[0], constant)] = (layer, corrected);
    }

    /// <summary>
    /// Whether ONNX Runtime's MatMulAddFusion would make one float Gemm between Reshapes of a MatMul and the Add behind
    /// it: where it knows all dimensions, and the constant has one or two.
    /// </summary>
    private bool IsMerged(Layer layer, TensorProto constant) => layer.ResultRank > 2 && constant.Dims.Count is 1 or 2
        && (_hasFixedInputs || (_model.Graph.Dimensions(layer.Id) is { } known && known.All(d => d >= 0)));

    private string AddAddend(string original, Layer layer, float[]? corrected)
    {
        TensorProto constant = _model.Graph.Initializer(original)!;
        bool apart = IsMerged(layer, constant);
        string name = original + (corrected is null ? "_apart" : "_corrected");
        if (corrected is null && !_written.Add(name))
            return name;
        // Two layers may share a constant, but not what it was corrected to.
        if (corrected is not null && !_written.Add(name))
            name = $"{name}_{layer.Id}";
        IEnumerable<long> shape = apart ? Enumerable.Repeat(1L, 3 - constant.Dims.Count).Concat(constant.Dims) : constant.Dims;
        AddInitializer(Tensors.FromFloats(Claim(name), shape, corrected ?? constant.ToFloats()));
        return name;
    }

    private void AddInitializer(TensorProto tensor) => _model.Graph.Proto.Initializer.Add(tensor);

    /// <summary>Takes a name; a model that already has it was quantized by a tool of our habits.</summary>
    private string Claim(string name) => _taken.Add(name) ? name
        : throw new QuantException(ExitCode.BadModel, $"the model already has a tensor named '{name}': was it quantized before? Give the float model.");

    private static void RemoveUnused(GraphProto graph)
    {
        HashSet<string> read = [.. graph.Node.SelectMany(Subgraph.Reads), .. graph.Output.Select(o => o.Name)];
        HashSet<string> dropped = [.. graph.Initializer.Where(i => !read.Contains(i.Name)).Select(i => i.Name)];
        Keep(graph.Initializer, i => !dropped.Contains(i.Name));
        Keep(graph.Input, i => !dropped.Contains(i.Name));
    }

    private static void Keep<T>(Google.Protobuf.Collections.RepeatedField<T> field, Func<T, bool> keep)
    {
        List<T> kept = [.. field.Where(keep)];
        field.Clear();
        field.AddRange(kept);
    }

    private void Stamp(string hash)
    {
        ModelProto proto = _model.Proto;
        string version = typeof(Emitter).Assembly.GetName().Version?.ToString(3) ?? "0";
        proto.ProducerName = "QuantCluster";
        proto.ProducerVersion = version;
        _model.SetMetadata("quantcluster.version", version);
        _model.SetMetadata("quantcluster.configuration", hash);
        if (_unpackable is not null)
            _model.SetMetadata("quantcluster.int4", $"stored as INT8: {_unpackable} keeps the model below opset {Int4Opset.Version}");
    }
}
