using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using QuantCluster.Numerics;

namespace QuantCluster.Emission;

/// <summary>A weight as integers.</summary>
/// <param name="Type">INT8 for ONNX Runtime's fast kernels.</param>
/// <param name="Axis">The channel axis that scales run along; −1 for one scale for the whole tensor.</param>
/// <param name="Scales">One a channel, or one. Zero points are 0.</param>
/// <param name="Values">The integers, in the weight's own row-major order.</param>
public sealed record QuantizedWeight(IntegerType Type, int Axis, float[] Scales, sbyte[] Values);

/// <summary>The numbers the search and the estimators chose; with a plan and a prepared model they determine the emitted bytes.</summary>
/// <param name="Activations">Quantization point (tensor name) to mapping.</param>
/// <param name="Weights">Layer id to integers.</param>
/// <param name="Biases">Layer id to a corrected float bias; layers that are not in it keep their own.</param>
public sealed record QuantizationConfiguration(
    IReadOnlyDictionary<string, AffineMapping> Activations,
    IReadOnlyDictionary<string, QuantizedWeight> Weights,
    IReadOnlyDictionary<string, float[]> Biases)
{
    /// <summary>Channels of the float model that are scaled before anything is quantized; the tensors keep their names here.</summary>
    public IReadOnlyList<ChannelScaling> Scalings { get; init; } = [];

    /// <summary>
    /// Id of a layer that computes in float to its weight as integers: multiplied out once, when the model is loaded
    /// (<see cref="StoredWeight"/>).
    /// </summary>
    public IReadOnlyDictionary<string, QuantizedWeight> WeightOnly { get; init; } = new Dictionary<string, QuantizedWeight>();

    /// <summary>SHA-256 over everything in canonical order, in hexadecimal.</summary>
    public string Hash()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string tensor, AffineMapping mapping) in Activations.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Append(hash, tensor);
            Append<float>(hash, [mapping.Scale]);
            Append<int>(hash, [mapping.ZeroPoint, (int)mapping.Type]);
        }

        Append(hash, Weights);

        foreach ((string layer, float[] bias) in Biases.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Append(hash, layer);
            Append<float>(hash, bias);
        }

        if (Scalings.Count > 0)
            Append(hash, ChannelScaling.Hash(Scalings));
        if (WeightOnly.Count > 0)
        {
            Append(hash, "weight-only");
            Append(hash, WeightOnly);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, IReadOnlyDictionary<string, QuantizedWeight> weights)
    {
        foreach ((string layer, QuantizedWeight weight) in weights.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Append(hash, layer);
            Append<int>(hash, [(int)weight.Type, weight.Axis]);
            Append<float>(hash, weight.Scales);
            Append<sbyte>(hash, weight.Values);
        }
    }

    private static void Append(IncrementalHash hash, string text) => Append<byte>(hash, Encoding.UTF8.GetBytes(text));

    private static void Append<T>(IncrementalHash hash, ReadOnlySpan<T> values)
        where T : struct
    {
        hash.AppendData(BitConverter.GetBytes(values.Length));
        hash.AppendData(MemoryMarshal.AsBytes(values));
    }
}
