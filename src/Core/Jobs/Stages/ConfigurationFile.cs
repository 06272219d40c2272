using System.Runtime.InteropServices;
using System.Text;
using QuantCluster.Emission;
using QuantCluster.Numerics;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// A configuration as bytes: millions of integers are too many for JSON. Little-endian; names in ordinal order, so that
/// equal configurations have equal bytes.
/// </summary>
internal static class ConfigurationFile
{
    private const string Format = "quantcluster.configuration/3";

    public static byte[] ToBytes(QuantizationConfiguration configuration)
    {
        using MemoryStream stream = new();
        Write(configuration, stream);
        return stream.ToArray();
    }

    public static void Write(QuantizationConfiguration configuration, Stream stream)
    {
        using BinaryWriter writer = new(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Format);
        writer.Write(configuration.Activations.Count);
        foreach ((string tensor, AffineMapping mapping) in Ordered(configuration.Activations))
        {
            writer.Write(tensor);
            writer.Write(mapping.Scale);
            writer.Write(mapping.ZeroPoint);
            writer.Write((int)mapping.Type);
        }

        Write(writer, configuration.Weights);
        writer.Write(configuration.Biases.Count);
        foreach ((string layer, float[] bias) in Ordered(configuration.Biases))
        {
            writer.Write(layer);
            Write<float>(writer, bias);
        }

        writer.Write(configuration.Scalings.Count);
        foreach (ChannelScaling scaling in configuration.Scalings)
            scaling.Write(writer);
        Write(writer, configuration.WeightOnly);
    }

    /// <exception cref="InvalidDataException">Not such bytes.</exception>
    public static QuantizationConfiguration Parse(byte[] bytes) => Read(new MemoryStream(bytes));

    /// <inheritdoc cref="Parse"/>
    public static QuantizationConfiguration Read(Stream stream)
    {
        using BinaryReader reader = new(stream);
        if (reader.ReadString() != Format)
            throw new InvalidDataException($"not a {Format}");
        Dictionary<string, AffineMapping> activations = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            activations[reader.ReadString()] = new AffineMapping(reader.ReadSingle(), reader.ReadInt32(), (IntegerType)reader.ReadInt32());
        Dictionary<string, QuantizedWeight> weights = ReadWeights(reader);
        Dictionary<string, float[]> biases = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            biases[reader.ReadString()] = Read<float>(reader);
        List<ChannelScaling> scalings = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            scalings.Add(ChannelScaling.Read(reader));
        return new QuantizationConfiguration(activations, weights, biases) { Scalings = scalings, WeightOnly = ReadWeights(reader) };
    }

    private static void Write(BinaryWriter writer, IReadOnlyDictionary<string, QuantizedWeight> weights)
    {
        writer.Write(weights.Count);
        foreach ((string layer, QuantizedWeight weight) in Ordered(weights))
        {
            writer.Write(layer);
            writer.Write((int)weight.Type);
            writer.Write(weight.Axis);
            Write<float>(writer, weight.Scales);
            Write<sbyte>(writer, weight.Values);
        }
    }

    private static Dictionary<string, QuantizedWeight> ReadWeights(BinaryReader reader)
    {
        Dictionary<string, QuantizedWeight> weights = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            weights[reader.ReadString()] = new QuantizedWeight((IntegerType)reader.ReadInt32(), reader.ReadInt32(), Read<float>(reader), Read<sbyte>(reader));
        return weights;
    }

    private static IEnumerable<KeyValuePair<string, T>> Ordered<T>(IReadOnlyDictionary<string, T> values) =>
        values.OrderBy(p => p.Key, StringComparer.Ordinal);

    private static void Write<T>(BinaryWriter writer, T[] values)
        where T : unmanaged
    {
        writer.Write(values.Length);
        writer.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private static T[] Read<T>(BinaryReader reader)
        where T : unmanaged
    {
        T[] values = new T[reader.ReadInt32()];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
