using System.Numerics.Tensors;
using QuantCluster.Onnx;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>Mean over each channel's image, then a fully connected layer: one plane of one pixel for every class.</summary>
internal sealed class PooledClassifier : ILayer
{
    private readonly int _channels;
    private readonly int _classes;
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private Planes? _pooled;
    private int _side;

    public PooledClassifier(int channels, int classes, ref Dice dice)
    {
        (_channels, _classes) = (channels, classes);
        float[] weight = new float[classes * channels];
        for (int i = 0; i < weight.Length; i++)
            weight[i] = dice.Bell() * MathF.Sqrt(1f / channels);
        _weight = new Parameter(weight, decays: true);
        _bias = new Parameter(new float[classes], decays: false);
    }

    public IEnumerable<Parameter> Parameters => [_weight, _bias];

    public Planes Forward(Planes input, bool training)
    {
        _side = input.Side;
        int area = _side * _side;
        Planes pooled = _pooled = new Planes(_channels, input.Images, 1);
        for (int c = 0; c < _channels; c++)
        {
            for (int n = 0; n < input.Images; n++)
                pooled.Row(c)[n] = TensorPrimitives.Sum(input.Row(c).Slice(n * area, area)) / area;
        }

        Planes scores = new(_classes, input.Images, 1);
        for (int k = 0; k < _classes; k++)
        {
            scores.Row(k).Fill(_bias.Values[k]);
            for (int c = 0; c < _channels; c++)
                TensorPrimitives.MultiplyAdd(pooled.Row(c), _weight.Values[(k * _channels) + c], scores.Row(k), scores.Row(k));
        }

        return scores;
    }

    public Planes Backward(Planes gradient)
    {
        Planes back = new(_channels, gradient.Images, _side);
        float[] pooled = new float[gradient.Images];
        int area = _side * _side;
        for (int k = 0; k < _classes; k++)
            _bias.Gradient[k] = TensorPrimitives.Sum(gradient.Row(k));
        for (int c = 0; c < _channels; c++)
        {
            Array.Clear(pooled);
            for (int k = 0; k < _classes; k++)
            {
                int at = (k * _channels) + c;
                TensorPrimitives.MultiplyAdd(gradient.Row(k), _weight.Values[at], pooled, pooled);
                _weight.Gradient[at] = TensorPrimitives.Dot(gradient.Row(k), _pooled!.Row(c));
            }

            for (int n = 0; n < pooled.Length; n++)
                back.Row(c).Slice(n * area, area).Fill(pooled[n] / area);
        }

        return back;
    }

    public string Emit(OnnxWriter writer, string input)
    {
        string pooled = writer.Add("GlobalAveragePool", [input]);
        string flat = writer.Add("Flatten", [pooled]);
        return writer.Add(
            "Gemm",
            [flat, writer.Weight("weight", [_classes, _channels], _weight.Values), writer.Weight("bias", [_classes], _bias.Values)],
            Nodes.Int("transB", 1));
    }
}
