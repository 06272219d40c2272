using System.Text;

namespace QuantCluster.Samples.Digits;

/// <summary>Writes NumPy's <c>.npy</c>, version 1.0, little-endian, row-major.</summary>
internal static class NpyFile
{
    /// <param name="type">NumPy's name of the element type, e.g. <c>|u1</c> or <c>&lt;i8</c>.</param>
    public static void Write(string path, string type, int[] shape, ReadOnlySpan<byte> elements)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
        header = header.PadRight((((header.Length + 11 + 63) / 64) * 64) - 11) + "\n";
        using FileStream file = File.Create(path);
        file.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
        file.Write(Encoding.ASCII.GetBytes(header));
        file.Write(elements);
    }
}
