using QuantCluster.Onnx;

namespace QuantCluster.Cluster;

/// <summary>The files that a model is made of.</summary>
internal static class ModelFiles
{
    /// <summary>Files beside the model that hold its tensors, as the model names them; none for most models.</summary>
    public static IReadOnlyList<string> ExternalOf(string model) =>
    [
        .. ModelTensors.Of(OnnxModel.Load(model, readExternalData: false).Proto)
            .Where(ExternalData.IsExternal)
            .SelectMany(t => t.ExternalData.Where(e => e.Key == "location").Select(e => e.Value))
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];
}
