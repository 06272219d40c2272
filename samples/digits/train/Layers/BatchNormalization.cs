using System.Numerics.Tensors;
using QuantCluster.Onnx;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>Every channel to mean 0 and variance 1 of its batch, then scaled and shifted; running statistics when not training.</summary>
internal sealed class BatchNormalization : ILayer
{
    private const float Epsilon = 1e-5f;
    private const float Following = 0.05f;
    private readonly int _channels;
    private readonly Parameter _scale;
    private readonly Parameter _shift;
    private readonly float[] _mean;
    private readonly float[] _variance;
    private readonly float[] _inverse;
    private Planes? _normalized;

    public BatchNormalization(int channels)
    {
        _channels = channels;
        _scale = new Parameter(Filled(1), decays: false);
        _shift = new Parameter(Filled(0), decays: false);
        _mean = Filled(0);
        _variance = Filled(1);
        _inverse = Filled(1);
    }

    public IEnumerable<Parameter> Parameters => [_scale, _shift];

    public Planes Forward(Planes input, bool training)
    {
        Planes normalized = _normalized = input.Like();
        Planes output = input.Like();
        Planes.ForEachChannel(_channels, c =>
        {
            Span<float> row = normalized.Row(c);
            float mean = training ? TensorPrimitives.Sum(input.Row(c)) / input.RowLength : _mean[c];
            TensorPrimitives.Subtract(input.Row(c), mean, row);
            float variance = training ? TensorPrimitives.SumOfSquares(row) / row.Length : _variance[c];
            _inverse[c] = 1 / MathF.Sqrt(variance + Epsilon);
            TensorPrimitives.Multiply(row, _inverse[c], row);
            TensorPrimitives.Multiply(row, _scale.Values[c], output.Row(c));
            TensorPrimitives.Add(output.Row(c), _shift.Values[c], output.Row(c));
            if (training)
            {
                _mean[c] += Following * (mean - _mean[c]);
                _variance[c] += Following * (variance - _variance[c]);
            }
        });
        return output;
    }

    public Planes Backward(Planes gradient)
    {
        Planes back = gradient.Like();
        Planes.ForEachChannel(_channels, c =>
        {
            ReadOnlySpan<float> normalized = _normalized!.Row(c);
            Span<float> row = back.Row(c);
            float shift = _shift.Gradient[c] = TensorPrimitives.Sum(gradient.Row(c));
            float scale = _scale.Gradient[c] = TensorPrimitives.Dot(gradient.Row(c), normalized);
            TensorPrimitives.MultiplyAdd(normalized, -scale / row.Length, gradient.Row(c), row);
            TensorPrimitives.Subtract(row, shift / row.Length, row);
            TensorPrimitives.Multiply(row, _scale.Values[c] * _inverse[c], row);
        });
        return back;
    }

    public string Emit(OnnxWriter writer, string input) => writer.Add(
        "BatchNormalization",
        [
            input,
            writer.Weight("scale", [_channels], _scale.Values),
            writer.Weight("shift", [_channels], _shift.Values),
            writer.Weight("mean", [_channels], _mean),
            writer.Weight("variance", [_channels], _variance),
        ],
        Nodes.Float("epsilon", Epsilon));

    private float[] Filled(float value)
    {
        float[] values = new float[_channels];
        Array.Fill(values, value);
        return values;
    }
}
