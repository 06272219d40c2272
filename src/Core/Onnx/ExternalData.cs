using System.Globalization;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>
/// Tensors whose values lie in files beside the model (https://onnx.ai/onnx/repo-docs/ExternalData.html). A model file is not
/// trusted: paths that leave its folder are refused, and sizes are checked before anything is allocated.
/// </summary>
internal static class ExternalData
{
    public static bool IsExternal(TensorProto tensor) => tensor.DataLocation == TensorProto.Types.DataLocation.External;

    /// <summary>Reads the values of every external tensor into the model.</summary>
    /// <param name="model">Changed in place; large tensors lie in a map of their file (<see cref="MappedFile"/>).</param>
    /// <param name="directory">The model's folder.</param>
    /// <param name="filesStay">Whether they are there as long as the model is, so that copies of it may link to them (<see cref="StoredTensors"/>).</param>
    /// <exception cref="QuantException">A file is missing, too short, or outside of the folder.</exception>
    public static void Read(ModelProto model, string directory, bool filesStay = true)
    {
        using DataFiles files = new(filesStay);
        foreach (TensorProto tensor in ModelTensors.Of(model).Where(IsExternal))
            Read(tensor, Resolve(tensor, Location(tensor), directory), directory, files);
    }

    /// <summary>Reads the values of every external tensor from files that are known for their locations.</summary>
    public static void Read(ModelProto model, Func<string, string> fileOf)
    {
        using DataFiles files = new(filesStay: true);
        foreach (TensorProto tensor in ModelTensors.Of(model).Where(IsExternal))
            Read(tensor, fileOf(Location(tensor)), "", files);
    }

    /// <summary>
    /// Writes the values of tensors of at least <paramref name="smallest"/> bytes to <paramref name="data"/>, aligned so that they can be
    /// memory-mapped, and makes the tensors refer to <paramref name="location"/>.
    /// </summary>
    public static void Write(ModelProto model, Stream data, string location, int smallest)
    {
        const int alignment = 4096;
        foreach (TensorProto tensor in ModelTensors.Of(model).Where(t => t.HasRawData && t.RawData.Length >= smallest))
        {
            long padding = (alignment - data.Position % alignment) % alignment;
            data.Write(new byte[padding]);
            long offset = data.Position;
            data.Write(tensor.RawData.Span);
            // Two maps, of what is read and what was written, would be in memory else.
            if (MappedFile.Holds(tensor.RawData))
                MappedFile.ReleasePages();
            Refer(tensor, location, offset);
        }
    }

    /// <summary>The files that the model's tensors lie in, as it names them.</summary>
    public static IReadOnlyList<string> Locations(ModelProto model) =>
        [.. ModelTensors.Of(model).Where(IsExternal).Select(Location).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Gives every external tensor's file another name.</summary>
    public static void Relocate(ModelProto model, Func<string, string> rename)
    {
        foreach (StringStringEntryProto entry in ModelTensors.Of(model).Where(IsExternal).SelectMany(t => t.ExternalData).Where(e => e.Key == "location"))
            entry.Value = rename(entry.Value);
    }

    /// <summary>
    /// Makes tensors whose values are known to lie in a file refer to it there, by what <paramref name="locationOf"/> calls the file; null
    /// where it cannot be referred to.
    /// </summary>
    public static void Refer(ModelProto model, Func<string, string?> locationOf)
    {
        foreach (TensorProto tensor in ModelTensors.Of(model).Where(t => t.HasRawData))
        {
            if (StoredTensors.Find(tensor.RawData) is { } stored && locationOf(stored.File) is { } location)
                Refer(tensor, location, stored.Offset);
        }
    }

    private static void Read(TensorProto tensor, string path, string directory, DataFiles files)
    {
        string location = Location(tensor);
        if (files.Open(path) is not { } file)
            throw Bad(tensor, $"its data file {location} is missing. Put it beside the model, in {directory}.");
        long offset = Number(tensor, "offset") ?? 0;
        long length = Number(tensor, "length") ?? file.Length - offset;
        if (offset > file.Length || length > file.Length - offset)
            throw Bad(tensor, $"needs {length} bytes from byte {offset} of {location}, which has only {file.Length}. The file is truncated, or belongs to another model.");
        long expected = TensorSize.Of(tensor) ?? length;
        if (length != expected)
            throw Bad(tensor, $"has {length} bytes in {location}, but its shape [{string.Join(", ", tensor.Dims)}] needs {expected}. The model is damaged; export it again.");
        if (length > Array.MaxLength)
            throw Bad(tensor, $"has {length} bytes; a single tensor may have {Array.MaxLength}.");

        tensor.RawData = files.Read(path, offset, (int)length);
        tensor.ExternalData.Clear();
        tensor.ClearDataLocation();
    }

    private static void Refer(TensorProto tensor, string location, long offset)
    {
        tensor.ExternalData.Clear();
        Add(tensor, "location", location);
        Add(tensor, "offset", offset.ToString(CultureInfo.InvariantCulture));
        Add(tensor, "length", tensor.RawData.Length.ToString(CultureInfo.InvariantCulture));
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ClearRawData();
    }

    private static string Location(TensorProto tensor) =>
        Value(tensor, "location") ?? throw Bad(tensor, "says its data is external, but not in which file. Export the model again.");

    private static string Resolve(TensorProto tensor, string location, string directory)
    {
        string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)) + Path.DirectorySeparatorChar;
        string path = Path.GetFullPath(Path.Combine(folder, location.Replace('\\', '/')));
        if (Path.IsPathRooted(location) || !path.StartsWith(folder, StringComparison.Ordinal))
            throw Bad(tensor, $"its data file {location} lies outside of the model's folder, which is refused. Move it beside the model and export again.");
        return path;
    }

    private static long? Number(TensorProto tensor, string key)
    {
        if (Value(tensor, key) is not { } text)
            return null;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            throw Bad(tensor, $"its external data has {key} '{text}', which is no count of bytes. Export the model again.");
        return number;
    }

    private static string? Value(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(e => e.Key == key)?.Value;

    private static void Add(TensorProto tensor, string key, string value) =>
        tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });

    private static QuantException Bad(TensorProto tensor, string what) => new(ExitCode.BadModel, $"tensor {tensor.Name}: {what}");
}
