using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// Conv, Gemm or MatMul with constant float32 weights, opened for exact changes of weight and bias in double precision.
/// </summary>
internal sealed class LinearLayer
{
    private readonly NodeProto _node;
    private readonly int _group;
    private readonly long[] _shape;
    private readonly double[] _weight;
    private readonly bool _outputFirst;
    private double[]? _bias;
    private bool _biasChanged;

    private LinearLayer(NodeProto node, TensorProto weight, double[]? bias, int group, bool outputFirst)
    {
        _node = node;
        _group = group;
        _shape = [.. weight.Dims];
        _weight = [.. weight.ToFloats().Select(v => (double)v)];
        _bias = bias;
        _outputFirst = outputFirst;
    }

    /// <summary>Whether the operator has a place for a bias.</summary>
    public bool HasBias => _node.OpType != "MatMul";

    public int OutputChannels => (int)(_outputFirst ? _shape[0] : _shape[1]);

    public int InputChannels => (int)(_outputFirst ? _shape[1] * _group : _shape[0]);

    /// <summary>Dimensions of the output: those of the weight, except for MatMul, where at least one is known to be there.</summary>
    public int OutputRank => _node.OpType == "MatMul" ? 1 : _shape.Length;

    public int OutputAxisFromEnd => IsConvolution ? _shape.Length - 2 : 0;

    public int InputAxisFromEnd => OutputAxisFromEnd;

    /// <summary>Whether a shift of all inputs is a shift of the outputs that the bias can hold.</summary>
    public bool TakesInputShift => IsConvolution
        ? _node.StringAttribute("auto_pad", "NOTSET") is "NOTSET" or "VALID" && (_node.IntsAttribute("pads") ?? []).All(p => p == 0)
        : HasBias;

    private bool IsConvolution => _node.OpType == "Conv";

    private int Taps => _weight.Length / Math.Max(1, (int)(_shape[0] * _shape[1]));

    /// <summary>The layer at <paramref name="node"/>; null where it is none, or its weights are no constants of its own shape.</summary>
    public static LinearLayer? Of(Graph graph, NodeProto node)
    {
        if (!(node.IsStandard("Conv") || node.IsStandard("Gemm") || node.IsStandard("MatMul"))
            || graph.Initializer(node.Input[1]) is not { } weight || weight.ElementType() != ElementType.Float || weight.ElementCount() == 0)
            return null;
        bool convolution = node.OpType == "Conv";
        if (convolution ? weight.Dims.Count < 3 : weight.Dims.Count != 2)
            return null;
        bool transposed = node.IntAttribute("transB", 0) != 0;
        if (node.IntAttribute("transA", 0) != 0 || node.FloatAttribute("alpha", 1) != 1 || node.FloatAttribute("beta", 1) != 1)
            return null;

        double[]? bias = null;
        if (node.InputOrNull(2) is { } name)
        {
            int outputs = (int)(convolution || transposed ? weight.Dims[0] : weight.Dims[1]);
            if (graph.Initializer(name) is not { } constant || constant.ElementType() != ElementType.Float)
                return null;
            float[] values = constant.ToFloats();
            // Gemm broadcasts its C; one that varies along the rows is no bias.
            if (values.Length != outputs && values.Length != 1)
                return null;
            if (constant.Dims.Count > 1 && constant.Dims[^1] != values.Length)
                return null;
            bias = [.. Enumerable.Range(0, outputs).Select(o => (double)values[values.Length == 1 ? 0 : o])];
        }

        return new LinearLayer(node, weight, bias, (int)node.IntAttribute("group", 1), convolution || transposed);
    }

    public void ScaleOutputs(Func<int, double> factor)
    {
        ForEach((output, _, index) => _weight[index] *= factor(output));
        if (_bias is null)
            return;
        for (int o = 0; o < _bias.Length; o++)
            _bias[o] *= factor(o);
        _biasChanged = true;
    }

    public void ShiftOutputs(Func<int, double> amount)
    {
        _bias ??= new double[OutputChannels];
        for (int o = 0; o < _bias.Length; o++)
            _bias[o] += amount(o);
        _biasChanged = true;
    }

    public void ScaleInputs(Func<int, double> factor) => ForEach((_, input, index) => _weight[index] *= factor(input));

    /// <summary>What adding <paramref name="amount"/> to every input channel adds to the outputs, into the bias.</summary>
    public void ShiftInputs(Func<int, double> amount)
    {
        double[] added = new double[OutputChannels];
        ForEach((output, input, index) => added[output] += _weight[index] * amount(input));
        ShiftOutputs(o => added[o]);
    }

    /// <summary>Writes weight and bias back as float32.</summary>
    public void Store(Graph graph)
    {
        graph.SetConstant(_node, 1, "", _shape, [.. _weight.Select(v => (float)v)]);
        if (_biasChanged)
            graph.SetConstant(_node, 2, $"{_node.Output[0]}/bias", [OutputChannels], [.. _bias!.Select(v => (float)v)]);
    }

    /// <summary>Visits every weight with its output channel and input channel.</summary>
    private void ForEach(Action<int, int, int> visit)
    {
        int taps = Taps;
        int rows = (int)_shape[0];
        int columns = (int)_shape[1];
        int outputsPerGroup = IsConvolution ? rows / _group : rows;
        for (int row = 0, index = 0; row < rows; row++)
        {
            int group = IsConvolution ? row / outputsPerGroup : 0;
            for (int column = 0; column < columns; column++)
            {
                for (int tap = 0; tap < taps; tap++, index++)
                {
                    if (_outputFirst)
                        visit(row, group * columns + column, index);
                    else
                        visit(column, row, index);
                }
            }
        }
    }
}
