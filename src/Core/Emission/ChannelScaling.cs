using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace QuantCluster.Emission;

/// <summary>A constant of the float model that is multiplied: element i, row-major, by <c>Factors[i / Inner % Factors.Length]</c>.</summary>
/// <param name="Name">Of the initializer.</param>
public sealed record ScaledConstant(string Name, int Inner, float[] Factors);

/// <summary>
/// Channels of a tensor of the float model multiplied by factors, and the constants around it scaled so that the model
/// answers as before, whichever of its layers run on integers.
/// </summary>
/// <param name="Tensor">The tensor that is scaled.</param>
/// <param name="Constants">What gives it the factors, and what takes them back.</param>
/// <param name="Product">
/// A multiplication to be inserted, one factor a channel; null for none. In front of those readers of the tensor whose
/// weights are among the constants, or, where <paramref name="Behind"/> is set, of all readers.
/// </param>
/// <param name="Behind">Axes behind the channels of a tensor whose readers get it back as it was; null where the product makes the scaled copy.</param>
/// <param name="Changed">Tensors whose values are not the float model's.</param>
public sealed record ChannelScaling(string Tensor, IReadOnlyList<ScaledConstant> Constants, float[]? Product, int? Behind, IReadOnlyList<string> Changed)
{
    /// <summary>SHA-256 over what some scalings do to a model, in hexadecimal.</summary>
    public static string Hash(IReadOnlyList<ChannelScaling> scalings)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        foreach (ChannelScaling scaling in scalings)
            scaling.Write(writer);
        writer.Flush();
        return Convert.ToHexStringLower(SHA256.HashData(stream.ToArray()));
    }

    internal void Write(BinaryWriter writer)
    {
        writer.Write(Tensor);
        writer.Write(Constants.Count);
        foreach (ScaledConstant constant in Constants)
        {
            writer.Write(constant.Name);
            writer.Write(constant.Inner);
            Write(writer, constant.Factors);
        }

        Write(writer, Product ?? []);
        writer.Write(Behind ?? -1);
        writer.Write(Changed.Count);
        foreach (string tensor in Changed)
            writer.Write(tensor);
    }

    internal static ChannelScaling Read(BinaryReader reader)
    {
        string tensor = reader.ReadString();
        List<ScaledConstant> constants = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            constants.Add(new ScaledConstant(reader.ReadString(), reader.ReadInt32(), ReadFloats(reader)));
        float[] product = ReadFloats(reader);
        int behind = reader.ReadInt32();
        List<string> changed = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
            changed.Add(reader.ReadString());
        return new ChannelScaling(tensor, constants, product.Length == 0 ? null : product, behind < 0 ? null : behind, changed);
    }

    private static void Write(BinaryWriter writer, float[] values)
    {
        writer.Write(values.Length);
        writer.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private static float[] ReadFloats(BinaryReader reader)
    {
        float[] values = new float[reader.ReadInt32()];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
