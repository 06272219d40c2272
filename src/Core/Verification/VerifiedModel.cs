using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Verification;

/// <summary>A model to verify: a file (external data may stand beside it), or one in memory.</summary>
public sealed class VerifiedModel
{
    private readonly string? _path;
    private readonly byte[]? _bytes;
    private readonly Lazy<OnnxModel> _model;

    private VerifiedModel(string? path, OnnxModel? model)
    {
        _path = path;
        _bytes = path is null ? model!.ToBytes() : null;
        _model = model is null ? new Lazy<OnnxModel>(() => OnnxModel.Load(path!)) : new Lazy<OnnxModel>(model);
    }

    public static VerifiedModel FromFile(string path)
    {
        if (!File.Exists(path))
            throw new QuantException(ExitCode.BadModel, $"{path}: no such file.");
        return new VerifiedModel(path, null);
    }

    public static VerifiedModel FromModel(OnnxModel model) => new(null, model);

    /// <summary>What errors call it.</summary>
    public string Name => _path ?? "model";

    /// <summary>The model's protocol message, read when first asked for.</summary>
    public OnnxModel Model => _model.Value;

    /// <summary>Bytes on disk: the file and the external data files its initializers point to.</summary>
    public long ByteCount => _path is null ? _bytes!.Length : new FileInfo(_path).Length + ExternalBytes();

    public ModelSession Open(SessionSettings settings) =>
        _path is null ? ModelSession.Create(_bytes, settings) : ModelSession.Open(_path, settings);

    private long ExternalBytes() => Model.Graph.Proto.Initializer
        .SelectMany(t => t.ExternalData.Where(e => e.Key == "location").Select(e => e.Value))
        .Distinct(StringComparer.Ordinal)
        .Select(location => new FileInfo(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path!))!, location)))
        .Sum(file => file.Exists ? file.Length : 0);
}
