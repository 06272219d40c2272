using System.Runtime.InteropServices;
using System.Text.Json;
using QuantCluster.Data.Sources;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>
/// What is true of every record, in the data's order: class numbers (a one-dimensional <c>.npy</c> of integers, or a
/// JSON list of them) or texts (a JSON list of strings). Exactly one of the two lists is set.
/// </summary>
public sealed record Labels
{
    private const long MaximumBytes = 1 << 30;

    private Labels()
    {
    }

    /// <summary>A class for each record; null where the labels are texts.</summary>
    public IReadOnlyList<long>? Classes { get; private init; }

    /// <summary>A text for each record; null where the labels are classes.</summary>
    public IReadOnlyList<string>? Texts { get; private init; }

    /// <summary>Number of records labelled.</summary>
    public int Count => Classes?.Count ?? Texts!.Count;

    /// <summary>Those of the first records.</summary>
    public Labels First(int records) => new() { Classes = Classes?.Take(records).ToArray(), Texts = Texts?.Take(records).ToArray() };

    /// <summary>Reads a labels file.</summary>
    /// <exception cref="QuantException">The file cannot be read, or holds no labels.</exception>
    public static Labels Load(string path) => path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? FromNpy(path) : FromJson(path);

    private static Labels FromNpy(string path)
    {
        byte[] bytes = DataFile.ReadAll(path, MaximumBytes);
        using MemoryStream stream = new(bytes, writable: false);
        NpyHeader header = NpyHeader.Read(stream, path);
        if (header.Type.IsFloating() || header.Shape.Count(d => d != 1) > 1 || header.Shape.Length == 0)
            throw Bad(path, $"labels must be a one-dimensional array of integers, this is {RecordShape.Format(header.Shape)} of {header.Type.Name()}");
        if (bytes.Length < header.DataOffset + header.DataBytes)
            throw Bad(path, "truncated");
        long[] classes = new long[header.DataBytes / header.Type.Size()];
        ElementConversion.Convert(header.Type, bytes.AsSpan((int)header.DataOffset, (int)header.DataBytes), ElementType.Int64, MemoryMarshal.AsBytes(classes.AsSpan()));
        return new Labels { Classes = classes };
    }

    private static Labels FromJson(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(DataFile.ReadAll(path, MaximumBytes));
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                throw Bad(path, "labels must be a JSON list of strings or of integers, or a .npy of integers");
            JsonElement[] items = [.. document.RootElement.EnumerateArray()];
            if (items.All(i => i.ValueKind == JsonValueKind.String))
                return new Labels { Texts = [.. items.Select(i => i.GetString()!)] };
            int wrong = Array.FindIndex(items, i => i.ValueKind != JsonValueKind.Number || !i.TryGetInt64(out _));
            return wrong < 0
                ? new Labels { Classes = [.. items.Select(i => i.GetInt64())] }
                : throw Bad(path, $"label {wrong} is {items[wrong].GetRawText()}; labels must all be strings, or all integers");
        }
        catch (JsonException e)
        {
            throw Bad(path, $"labels must be a JSON list or a .npy, and this is neither: {e.Place()}");
        }
    }

    private static QuantException Bad(string path, string what) => new(ExitCode.BadData, $"{path}: {what}.");
}
