using QuantCluster.Emission;
using QuantCluster.Onnx;

namespace QuantCluster.Corrections;

/// <summary>A constant that takes up a channel's factor.</summary>
/// <param name="Name">An initializer that one node reads.</param>
/// <param name="Inner">Elements that follow each other and take the same factor.</param>
/// <param name="Channels">Whose factor each such run takes, over and over.</param>
internal sealed record ChannelConstant(string Name, int Inner, int[] Channels)
{
    /// <summary>The channel whose factor an element takes, by its place, row-major.</summary>
    public int ChannelOf(int element) => Channels[element / Inner % Channels.Length];

    public ScaledConstant By(Func<int, float> factorOf) => new(Name, Inner, [.. Channels.Select(factorOf)]);
}

/// <summary>
/// A tensor whose channels can be multiplied by factors without changing what the model answers: the constants that make
/// it take the factors, those that read it their inverses.
/// </summary>
/// <param name="Tensor">A quantization point.</param>
/// <param name="Axis">Of its channels.</param>
/// <param name="Behind">Axes behind that one.</param>
/// <param name="Channels">How many: the length of that axis.</param>
/// <param name="Makers">Constants that give it its scale. None: it can only be multiplied on the way to its layers.</param>
/// <param name="Takers">Weights it is multiplied with.</param>
/// <param name="Sources">Own channel of each channel: channels with the same are copies and share a factor.</param>
/// <param name="Ceiling">Upper end of a Clip(0, b) between makers and tensor, null for none. It stays: a factor is exact only for a channel that it does not cut.</param>
/// <param name="Restored">Whether no layer reads it: a multiplication behind it takes the inverses, for readers that stay float.</param>
/// <param name="Intermediates">Tensors between makers and this one, which are scaled with it.</param>
internal sealed record ScalableTensor(
    string Tensor,
    int Axis,
    int Behind,
    int Channels,
    IReadOnlyList<ChannelConstant> Makers,
    IReadOnlyList<ChannelConstant> Takers,
    IReadOnlyList<int> Sources,
    float? Ceiling,
    bool Restored,
    IReadOnlyList<string> Intermediates)
{
    /// <summary>Whether scaling it costs a multiplication at run time.</summary>
    public bool NeedsProduct => Restored || Makers.Count == 0;

    /// <summary>The scaling that multiplies its channels by <paramref name="factors"/>.</summary>
    public ChannelScaling By(float[] factors)
    {
        IEnumerable<ScaledConstant> makers = Makers.Select(m => m.By(c => factors[c])), takers = Takers.Select(t => t.By(c => 1 / factors[c]));
        float[]? product = Restored ? [.. factors.Select(f => 1 / f)] : NeedsProduct ? factors : null;
        return new ChannelScaling(Tensor, [.. makers, .. takers], product, Restored ? Behind : null, Makers.Count == 0 ? [] : [Tensor, .. Intermediates]);
    }

    /// <summary>The greatest magnitude of each channel in some constants, such as the weights that read it; 0 where there is none.</summary>
    public float[] Magnitudes(OnnxModel prepared, IEnumerable<ChannelConstant> constants)
    {
        float[] greatest = new float[Channels];
        foreach (ChannelConstant constant in constants)
        {
            float[] values = prepared.Graph.Initializer(constant.Name)!.ToFloats();
            for (int i = 0; i < values.Length; i++)
            {
                ref float channel = ref greatest[constant.ChannelOf(i)];
                channel = Math.Max(channel, Math.Abs(values[i]));
            }
        }

        return greatest;
    }
}
