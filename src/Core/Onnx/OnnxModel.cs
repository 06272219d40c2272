using Google.Protobuf;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>An ONNX model file in memory: the protocol message, the folder its external data lives in, and its graph.</summary>
public sealed class OnnxModel
{
    /// <summary>Protocol buffers end at 2 GB; larger models keep their tensors in a file of their own. With room for the graph itself.</summary>
    private const long LargestFile = int.MaxValue - (64L << 20);

    /// <summary>Models whose tensors lie in files of more than this are not copied into memory where that can be avoided.</summary>
    internal const long LargestCopied = 256L << 20;

    /// <summary>Files from this size on are parsed from a map: tensors are copied out of them in any case.</summary>
    private const long SmallestMapped = 64L << 20;

    /// <summary>Tensors below this size stay in the model file: shapes and scalars are read before any data is.</summary>
    internal const int SmallestExternal = 1024;

    private OnnxModel(ModelProto proto, string? directory, bool keepsDataApart)
    {
        Proto = proto;
        Directory = directory;
        KeepsDataApart = keepsDataApart;
        Graph = new Graph(proto.Graph);
    }

    private static readonly AsyncLocal<long?> Lowered = new();

    /// <summary>
    /// From how many bytes of tensors on a model is not kept in one file. Set to less, for the caller and what it calls, to try
    /// out what large models need.
    /// </summary>
    internal static long LargestInline
    {
        get => Lowered.Value ?? LargestFile;
        set => Lowered.Value = value;
    }

    public ModelProto Proto { get; }

    /// <summary>Where external data files are looked for; null for a model that has none.</summary>
    public string? Directory { get; }

    public Graph Graph { get; }

    /// <summary>Whether the file it came from keeps tensors in a data file: <see cref="Save"/> then does so too.</summary>
    public bool KeepsDataApart { get; }

    /// <summary>Whether the model is too large for a single file, so that <see cref="ToBytes"/> cannot be used.</summary>
    public bool ExceedsSingleFile => TensorBytes > LargestInline;

    /// <summary>
    /// Whether its tensors are better left in files, for sessions to map, than copied: always where it
    /// <see cref="ExceedsSingleFile"/>.
    /// </summary>
    internal bool IsLarge => TensorBytes is long bytes && (bytes > LargestInline || (KeepsDataApart && bytes > LargestCopied));

    /// <summary>Whether another copy or session of it beside the first does not matter.</summary>
    internal bool IsSmall => TensorBytes < SmallestMapped;

    private long TensorBytes => ModelTensors.Of(Proto).Sum(t => (long)t.RawData.Length);

    /// <summary>Version of the default operator set.</summary>
    public long Opset => Proto.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx")?.Version ?? 1;

    /// <summary>Sets an entry of the model's metadata, whatever it was before.</summary>
    public void SetMetadata(string key, string value)
    {
        for (int i = Proto.MetadataProps.Count - 1; i >= 0; i--)
        {
            if (Proto.MetadataProps[i].Key == key)
                Proto.MetadataProps.RemoveAt(i);
        }

        Proto.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    /// <summary>Reads a model file, and its external data, if it has any, from the same folder.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="readExternalData">False leaves external tensors without values, for those who only look at the graph.</param>
    /// <param name="filesStay">Whether the files of external tensors are there as long as the model is, so that copies may link to them.</param>
    /// <exception cref="QuantException">The file, or a file of external data, is missing, truncated or no ONNX model.</exception>
    public static OnnxModel Load(string path, bool readExternalData = true, bool filesStay = true)
    {
        if (!File.Exists(path))
            throw new QuantException(ExitCode.BadModel, $"{path}: no such file.");
        if (new FileInfo(path).Length > int.MaxValue)
            throw new QuantException(ExitCode.BadModel, $"{path}: not an ONNX model: a model file of more than 2 GB cannot exist; larger models keep their tensors in files beside it.");
        OnnxModel model = ParseFile(path);
        if (readExternalData && model.KeepsDataApart)
            Naming(path, () => ExternalData.Read(model.Proto, model.Directory!, filesStay));
        return model;
    }

    private static OnnxModel ParseFile(string path)
    {
        if (new FileInfo(path).Length < SmallestMapped)
            return Parse(File.ReadAllBytes(path), path);
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        ByteString bytes = new MappedFile(stream).Slice(0, (int)stream.Length);
        OnnxModel model = Parse(bytes.Span, path);
        GC.KeepAlive(bytes);
        return model;
    }

    /// <summary>Reads a serialized ModelProto; external data is not read.</summary>
    /// <param name="bytes">A serialized ModelProto.</param>
    /// <param name="path">The file it came from: named in errors, and its folder holds external data.</param>
    /// <exception cref="QuantException">The bytes are truncated or no ONNX model.</exception>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string? path = null)
    {
        string name = path ?? "model";
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            // Exporters write the format version first: field 1, a number.
            bool begins = bytes.Length > 1 && bytes[0] == 0x08 && bytes[1] is > 0 and < 100;
            throw new QuantException(ExitCode.BadModel, begins
                ? $"{name}: the ONNX model is truncated or damaged: it ends in the middle, at byte {bytes.Length}. Copy or export it again."
                : $"{name}: not an ONNX model.", e);
        }

        if (proto.Graph is null || proto.Graph.Node.Count == 0)
            throw new QuantException(ExitCode.BadModel, $"{name}: not an ONNX model: it has no graph.");
        if (proto.OpsetImport.Count == 0)
            throw new QuantException(ExitCode.BadModel, $"{name}: the ONNX model is truncated or damaged: it names no operator set. Copy or export it again.");
        bool external = false;
        foreach (TensorProto tensor in ModelTensors.Of(proto))
        {
            external |= ExternalData.IsExternal(tensor);
            Naming(name, () => TensorSize.Check(tensor));
        }

        return new OnnxModel(proto, path is null ? null : Path.GetDirectoryName(Path.GetFullPath(path)), external);
    }

    public static OnnxModel FromProto(ModelProto proto, string? directory = null) => new(proto, directory, keepsDataApart: false);

    /// <summary>Another state of the same model: its message changes, where it came from does not.</summary>
    public OnnxModel WithProto(ModelProto proto) => new(proto, Directory, KeepsDataApart);

    /// <summary>A deep copy that can be changed without changing this one; tensors' bytes are shared.</summary>
    public OnnxModel Clone() => new(Proto.Clone(), Directory, KeepsDataApart);

    /// <summary>The model as a file's bytes, tensors included; the same model gives the same bytes.</summary>
    /// <exception cref="QuantException">The model passes 2 GB (<see cref="ExceedsSingleFile"/>): use <see cref="Save"/>.</exception>
    public byte[] ToBytes() => ExceedsSingleFile
        ? throw new QuantException(ExitCode.BadModel, "the model passes 2 GB and cannot be one file; its tensors must be saved apart.")
        : GraphBytes();

    /// <summary>The bytes of a model whose tensors are apart.</summary>
    internal byte[] GraphBytes()
    {
        byte[] bytes = Proto.ToByteArray();
        GC.KeepAlive(this);
        return bytes;
    }

    /// <summary>Writes the same bytes, never all in memory.</summary>
    internal void WriteTo(Stream stream)
    {
        Proto.WriteTo(stream);
        GC.KeepAlive(this);
    }

    /// <summary>Writes the model to a folder of its own, with links to the files that its tensors came from rather than copies.</summary>
    /// <returns>The model file.</returns>
    internal string SaveLinked(string folder)
    {
        ModelProto proto = Proto.Clone();
        Dictionary<string, string?> links = [];
        ExternalData.Refer(proto, file =>
        {
            if (!links.TryGetValue(file, out string? link))
            {
                link = $"linked-{links.Count}.data";
                links[file] = link = HardLink.TryCreate(Path.Combine(folder, link), file) ? link : null;
            }

            return link;
        });
        string path = Path.Combine(folder, "model.onnx");
        using (FileStream data = File.Create(path + ".data"))
            ExternalData.Write(proto, data, "model.onnx.data", SmallestExternal);
        File.WriteAllBytes(path, proto.ToByteArray());
        GC.KeepAlive(this);
        return path;
    }

    /// <summary>
    /// Writes the model; where it passes 2 GB, or came with external data, its larger tensors go to
    /// <c>&lt;file name&gt;.data</c> beside it. Each file appears whole or not at all.
    /// </summary>
    /// <exception cref="QuantException">The folder cannot be written.</exception>
    public void Save(string path)
    {
        try
        {
            ModelProto proto = Proto;
            if (KeepsDataApart || ExceedsSingleFile)
            {
                proto = Proto.Clone();
                string location = Path.GetFileName(path) + ".data";
                WriteWhole(path + ".data", stream => ExternalData.Write(proto, stream, location, SmallestExternal));
            }

            WriteWhole(path, stream => proto.WriteTo(stream));
            GC.KeepAlive(this);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Puts the file's name before what is said of one of its tensors.</summary>
    private static void Naming(string file, Action check)
    {
        try
        {
            check();
        }
        catch (QuantException e)
        {
            throw new QuantException(e.Code, $"{file}: {e.Message}", e);
        }
    }

    private static void WriteWhole(string path, Action<Stream> write)
    {
        string temporary = path + ".partial";
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
