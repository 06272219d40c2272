using System.Text.Json.Serialization;
using QuantCluster.Jobs;

namespace QuantCluster.Search.Sensitivity;

/// <summary>A <see cref="SensitivityResult"/> as JSON that people and other programs read. Equal results, equal bytes.</summary>
public static class SensitivityFile
{
    public static byte[] ToBytes(SensitivityResult result) => ResultFile.ToBytes(result, Json.SensitivityResult);

    /// <summary>Writes the file whole or not at all.</summary>
    /// <exception cref="QuantException">It cannot be written.</exception>
    public static void Save(SensitivityResult result, string path) => AtomicFile.Write(path, ToBytes(result));

    /// <exception cref="QuantException">The file is missing, or is none of these.</exception>
    public static SensitivityResult Load(string path) => ResultFile.Load(
        path, Json.SensitivityResult, s => s.Format == SensitivityResult.CurrentFormat,
        $"not a sensitivity file ({SensitivityResult.CurrentFormat}). 'quant sensitivity --out' writes one.");

    private static SensitivityJson Json { get; } = new(ResultFile.Options);
}

[JsonSerializable(typeof(SensitivityResult))]
internal sealed partial class SensitivityJson : JsonSerializerContext;
