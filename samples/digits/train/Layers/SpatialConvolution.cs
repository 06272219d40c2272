using System.Buffers;
using System.Numerics.Tensors;
using QuantCluster.Onnx;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>
/// 3x3 convolution with padding 1 that reads one channel for each it writes: depthwise, or from a single input channel.
/// </summary>
internal sealed class SpatialConvolution : ILayer
{
    private const int Taps = 9;
    private readonly int _inputs;
    private readonly int _outputs;
    private readonly int _stride;
    private readonly Parameter _weight;
    private Planes? _input;

    public SpatialConvolution(int inputs, int outputs, int stride, ref Dice dice)
    {
        (_inputs, _outputs, _stride) = (inputs, outputs, stride);
        float[] weight = new float[outputs * Taps];
        for (int i = 0; i < weight.Length; i++)
            weight[i] = dice.Bell() * MathF.Sqrt(2f / Taps);
        _weight = new Parameter(weight, decays: true);
    }

    public IEnumerable<Parameter> Parameters => [_weight];

    public Planes Forward(Planes input, bool training)
    {
        _input = input;
        Planes output = new(_outputs, input.Images, input.Side / _stride);
        Planes.ForEachChannel(_outputs, channel =>
        {
            WithShifted(input, channel, output.RowLength, output.Side, (tap, shifted) =>
                TensorPrimitives.MultiplyAdd(shifted, _weight.Values[(channel * Taps) + tap], output.Row(channel), output.Row(channel)));
        });
        return output;
    }

    public Planes Backward(Planes gradient)
    {
        Planes back = _input!.Like();
        Planes.ForEachChannel(_outputs, channel =>
            WithShifted(_input, channel, gradient.RowLength, gradient.Side, (tap, shifted) =>
            {
                int at = (channel * Taps) + tap;
                _weight.Gradient[at] = TensorPrimitives.Dot(shifted, gradient.Row(channel));
                if (_inputs > 1)
                    ShiftBack(gradient.Row(channel), _weight.Values[at], back.Row(channel), tap, gradient.Images, gradient.Side, back.Side);
            }));
        return back;
    }

    public string Emit(OnnxWriter writer, string input) => writer.Add(
        "Conv",
        [input, writer.Weight("kernel", [_outputs, 1, 3, 3], _weight.Values)],
        Nodes.Ints("kernel_shape", 3, 3),
        Nodes.Ints("strides", _stride, _stride),
        Nodes.Ints("pads", 1, 1, 1, 1),
        Nodes.Int("group", _inputs));

    private delegate void TapAction(int tap, ReadOnlySpan<float> shifted);

    /// <summary>For each of the nine taps: what every output position sees through it, zero outside the image.</summary>
    private void WithShifted(Planes input, int channel, int length, int side, TapAction action)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(length);
        Span<float> shifted = rented.AsSpan(0, length);
        ReadOnlySpan<float> source = input.Row(_inputs == 1 ? 0 : channel);
        for (int tap = 0; tap < Taps; tap++)
        {
            shifted.Clear();
            (int left, int right) = Inside(tap % 3, side, input.Side);
            for (int line = 0; line < input.Images * side; line++)
            {
                int y = (line % side * _stride) + (tap / 3) - 1;
                if (y < 0 || y >= input.Side)
                    continue;
                int from = (((line / side * input.Side) + y) * input.Side) + (tap % 3) - 1;
                for (int x = left; x < right; x++)
                    shifted[(line * side) + x] = source[from + (x * _stride)];
            }

            action(tap, shifted);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private void ShiftBack(ReadOnlySpan<float> gradient, float weight, Span<float> back, int tap, int images, int side, int inputSide)
    {
        (int left, int right) = Inside(tap % 3, side, inputSide);
        for (int line = 0; line < images * side; line++)
        {
            int y = (line % side * _stride) + (tap / 3) - 1;
            if (y < 0 || y >= inputSide)
                continue;
            int to = (((line / side * inputSide) + y) * inputSide) + (tap % 3) - 1;
            for (int x = left; x < right; x++)
                back[to + (x * _stride)] += weight * gradient[(line * side) + x];
        }
    }

    /// <summary>The output columns whose tap lies inside the image.</summary>
    private (int Left, int Right) Inside(int tapColumn, int side, int inputSide)
    {
        int left = tapColumn == 0 ? 1 : 0;
        int right = Math.Min(side, ((inputSide - tapColumn) / _stride) + 1);
        return (left, right);
    }
}
