using System.Runtime.InteropServices;
using System.Text;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

/// <summary>A folder of data files made for one test, and removed after it.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quant-data-");

    public string Root => _folder.FullName;

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        File.WriteAllBytes(Path(name), bytes);
        return Path(name);
    }

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Npy<T>(string name, string descr, long[] shape, ReadOnlySpan<T> values)
        where T : unmanaged => Write(name, NpyBytes(descr, shape, values));

    /// <summary>An array as numpy.save writes it.</summary>
    public static byte[] NpyBytes<T>(string descr, long[] shape, ReadOnlySpan<T> values, string order = "False")
        where T : unmanaged
    {
        string dictionary = $"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({string.Concat(shape.Select(d => $"{d}, "))}), }}";
        int padding = 64 - ((10 + dictionary.Length + 1) % 64);
        string header = dictionary + new string(' ', padding) + '\n';
        byte[] start = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)];
        return [.. start, .. Encoding.ASCII.GetBytes(header), .. MemoryMarshal.AsBytes(values)];
    }

    public static ValueSignature Input(string name, ElementType type, params long[] shape) => new(name, type, shape);

    public void Dispose() => _folder.Delete(recursive: true);
}
