using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace QuantCluster.Data;

/// <summary>The content address of a dataset. A field is written with its length, so that no two datasets write the same.</summary>
internal sealed class DatasetHash : IDisposable
{
    private const int Chunk = 1 << 20;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public static string Of(DatasetSpec spec)
    {
        using DatasetHash hash = new();
        hash.Field("dataset 1");
        foreach ((string name, InputSpec input) in spec.Inputs.OrderBy(i => i.Key, StringComparer.Ordinal))
        {
            hash.Field(name);
            hash.Field(Settings(input));
            hash.Files(input.File);
        }

        hash.Field(spec.Metric ?? "");
        hash.Named("labels", spec.Labels);
        hash.Named("dictionary", spec.Dictionary);
        return Convert.ToHexStringLower(hash._hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private static string Settings(InputSpec input) => string.Create(
        CultureInfo.InvariantCulture,
        $"{input.Key}|{input.Layout}|{input.Channels}|{input.Divide:R}|{Join(input.Mean)}|{Join(input.Std)}|{input.Type}|{Join(input.Shape)}|{input.PadTo}|{input.PadValue}|{input.Resize}|{input.Size?.Height}x{input.Size?.Width}");

    private static string Join<T>(IEnumerable<T>? values)
        where T : IFormattable => string.Join(',', values?.Select(v => v.ToString(null, CultureInfo.InvariantCulture)) ?? ["none"]);

    private void Named(string field, string? path)
    {
        if (path is null)
            return;
        Field(field);
        Files(path);
    }

    private void Files(string path)
    {
        // A file's own name does not matter, its ending and a folder's names (their order) do.
        if (!Directory.Exists(path))
        {
            File(path, Path.GetExtension(path));
            return;
        }

        foreach (string file in DataFile.In(path, "*"))
            File(file, Path.GetRelativePath(path, file).Replace('\\', '/'));
    }

    private void File(string path, string name)
    {
        using FileStream stream = DataFile.Open(path);
        Field(name);
        Field(stream.Length.ToString(CultureInfo.InvariantCulture));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
                _hash.AppendData(buffer.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Field(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        _hash.AppendData(BitConverter.GetBytes((long)bytes.Length));
        _hash.AppendData(bytes);
    }
}
