using Google.Protobuf;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>An ONNX model file in memory: the protocol message, the folder its external data lives in, and its graph.</summary>
public sealed class OnnxModel
{
    private OnnxModel(ModelProto proto, string? directory)
    {
        Proto = proto;
        Directory = directory;
        Graph = new Graph(proto.Graph);
    }

    public ModelProto Proto { get; }

    /// <summary>Where external data files are looked for; null for a model that has none.</summary>
    public string? Directory { get; }

    public Graph Graph { get; }

    /// <summary>Version of the default operator set.</summary>
    public long Opset => Proto.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx")?.Version ?? 1;

    /// <summary>Reads a model file.</summary>
    /// <exception cref="QuantException">The file is missing, truncated or no ONNX model.</exception>
    public static OnnxModel Load(string path)
    {
        if (!File.Exists(path))
            throw new QuantException(ExitCode.BadModel, $"{path}: no such file.");
        return Parse(File.ReadAllBytes(path), path);
    }

    /// <param name="bytes">A serialized ModelProto.</param>
    /// <param name="path">The file it came from: named in errors, and its folder holds external data.</param>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string? path = null)
    {
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new QuantException(ExitCode.BadModel, $"{path ?? "model"}: not an ONNX model, or truncated ({e.Message})", e);
        }

        if (proto.Graph is null || proto.Graph.Node.Count == 0)
            throw new QuantException(ExitCode.BadModel, $"{path ?? "model"}: not an ONNX model: it has no graph.");
        return new OnnxModel(proto, path is null ? null : Path.GetDirectoryName(Path.GetFullPath(path)));
    }

    public static OnnxModel FromProto(ModelProto proto, string? directory = null) => new(proto, directory);

    /// <summary>A deep copy that can be changed without changing this one.</summary>
    public OnnxModel Clone() => new(Proto.Clone(), Directory);

    /// <summary>The model as a file's bytes; the same model gives the same bytes.</summary>
    public byte[] ToBytes() => Proto.ToByteArray();
}
