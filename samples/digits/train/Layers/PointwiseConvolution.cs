using System.Numerics.Tensors;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>1x1 convolution: every output channel a weighted sum of the input channels.</summary>
internal sealed class PointwiseConvolution : ILayer
{
    private readonly int _inputs;
    private readonly int _outputs;
    private readonly Parameter _weight;
    private Planes? _input;

    public PointwiseConvolution(int inputs, int outputs, ref Dice dice)
    {
        (_inputs, _outputs) = (inputs, outputs);
        float[] weight = new float[outputs * inputs];
        for (int i = 0; i < weight.Length; i++)
            weight[i] = dice.Bell() * MathF.Sqrt(2f / inputs);
        _weight = new Parameter(weight, decays: true);
    }

    public IEnumerable<Parameter> Parameters => [_weight];

    public Planes Forward(Planes input, bool training)
    {
        _input = input;
        Planes output = new(_outputs, input.Images, input.Side);
        Planes.ForEachChannel(_outputs, o =>
        {
            Span<float> row = output.Row(o);
            for (int i = 0; i < _inputs; i++)
                TensorPrimitives.MultiplyAdd(input.Row(i), _weight.Values[(o * _inputs) + i], row, row);
        });
        return output;
    }

    public Planes Backward(Planes gradient)
    {
        Planes back = _input!.Like();
        Planes.ForEachChannel(_inputs, i =>
        {
            Span<float> row = back.Row(i);
            for (int o = 0; o < _outputs; o++)
            {
                int at = (o * _inputs) + i;
                TensorPrimitives.MultiplyAdd(gradient.Row(o), _weight.Values[at], row, row);
                _weight.Gradient[at] = TensorPrimitives.Dot(gradient.Row(o), _input.Row(i));
            }
        });
        return back;
    }

    public string Emit(OnnxWriter writer, string input) =>
        writer.Add("Conv", [input, writer.Weight("kernel", [_outputs, _inputs, 1, 1], _weight.Values)]);
}
