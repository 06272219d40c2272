using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Verification;

/// <summary>A model to verify: a file (external data may stand beside it), or one in memory.</summary>
public sealed class VerifiedModel
{
    private readonly string? _path;
    private readonly byte[]? _bytes;
    private readonly Lazy<OnnxModel> _structure;
    private readonly Lazy<OnnxModel> _model;

    private readonly long? _byteCount;

    private VerifiedModel(string? path, OnnxModel? model, long? byteCount = null)
    {
        _path = path;
        _byteCount = byteCount;
        _bytes = path is null && byteCount is null ? model!.ToBytes() : null;
        _structure = model is null ? new Lazy<OnnxModel>(() => OnnxModel.Load(path!, readExternalData: false)) : new Lazy<OnnxModel>(model);
        _model = model is null ? new Lazy<OnnxModel>(() => Structure.KeepsDataApart ? OnnxModel.Load(path!) : Structure) : _structure;
    }

    public static VerifiedModel FromFile(string path)
    {
        if (!File.Exists(path))
            throw new QuantException(ExitCode.BadModel, $"{path}: no such file.");
        return new VerifiedModel(path, null);
    }

    public static VerifiedModel FromModel(OnnxModel model) => new(null, model);

    /// <summary>A model that passes 2 GB, and so is no one file.</summary>
    /// <param name="model">The model, tensors included.</param>
    /// <param name="byteCount">What its files have.</param>
    internal static VerifiedModel FromModel(OnnxModel model, long byteCount) => new(null, model, byteCount);

    /// <summary>What errors call it.</summary>
    public string Name => _path ?? "model";

    /// <summary>The model's protocol message, read when first asked for.</summary>
    public OnnxModel Model => _model.Value;

    /// <summary>The model without the values of tensors that lie beside it: gigabytes, for those who only look at the graph.</summary>
    public OnnxModel Structure => _structure.Value;

    /// <summary>Bytes on disk: the file and the external data files its initializers point to.</summary>
    public long ByteCount => _byteCount ?? (_path is null ? _bytes!.Length : new FileInfo(_path).Length + ExternalBytes());

    /// <summary>Whether it is better not opened beside another at the same time.</summary>
    internal bool IsLarge => ByteCount > OnnxModel.LargestCopied && Structure.KeepsDataApart;

    public ModelSession Open(SessionSettings settings) =>
        _path is not null ? ModelSession.Open(_path, settings)
        : _bytes is not null ? ModelSession.Create(_bytes, settings)
        : ModelSession.Create(Model, settings);

    private long ExternalBytes() => Structure.Graph.Proto.Initializer
        .SelectMany(t => t.ExternalData.Where(e => e.Key == "location").Select(e => e.Value))
        .Distinct(StringComparer.Ordinal)
        .Select(location => new FileInfo(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path!))!, location)))
        .Sum(file => file.Exists ? file.Length : 0);
}
