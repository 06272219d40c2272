using System.Numerics.Tensors;

namespace QuantCluster.Samples.Digits.Layers;

/// <summary>Layers one after the other; a residual chain adds its input to its output.</summary>
internal sealed class Chain(bool residual, params ILayer[] layers) : ILayer
{
    public IEnumerable<Parameter> Parameters => layers.SelectMany(l => l.Parameters);

    public Planes Forward(Planes input, bool training)
    {
        Planes at = input;
        foreach (ILayer layer in layers)
            at = layer.Forward(at, training);
        return residual ? Sum(at, input) : at;
    }

    public Planes Backward(Planes gradient)
    {
        Planes at = gradient;
        foreach (ILayer layer in layers.Reverse())
            at = layer.Backward(at);
        return residual ? Sum(at, gradient) : at;
    }

    public string Emit(OnnxWriter writer, string input)
    {
        string at = layers.Aggregate(input, (name, layer) => layer.Emit(writer, name));
        return residual ? writer.Add("Add", [at, input]) : at;
    }

    private static Planes Sum(Planes a, Planes b)
    {
        Planes sum = a.Like();
        for (int c = 0; c < a.Channels; c++)
            TensorPrimitives.Add(a.Row(c), b.Row(c), sum.Row(c));
        return sum;
    }
}
