using System.Numerics.Tensors;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>ReLU: max(x, 0).</summary>
internal sealed class Rectifier : ILayer
{
    private Planes? _output;

    public IEnumerable<Parameter> Parameters => [];

    public Planes Forward(Planes input, bool training)
    {
        Planes output = _output = input.Like();
        Planes.ForEachChannel(input.Channels, c => TensorPrimitives.Max(input.Row(c), 0, output.Row(c)));
        return output;
    }

    public Planes Backward(Planes gradient)
    {
        Planes back = gradient.Like();
        Planes.ForEachChannel(gradient.Channels, c =>
        {
            ReadOnlySpan<float> output = _output!.Row(c), from = gradient.Row(c);
            Span<float> to = back.Row(c);
            for (int i = 0; i < to.Length; i++)
                to[i] = output[i] > 0 ? from[i] : 0;
        });
        return back;
    }

    public string Emit(OnnxWriter writer, string input) => writer.Add("Relu", [input]);
}
