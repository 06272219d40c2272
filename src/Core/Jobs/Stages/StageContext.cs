using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using QuantCluster.Onnx;

namespace QuantCluster.Jobs.Stages;

/// <summary>What every stage works with.</summary>
internal sealed record StageContext(JobDirectory Directory, StageRunner Runner, JobSources Sources, IProgress<JobProgress>? Progress)
{
    public JobSettings Settings => Directory.Specification.Settings;

    /// <summary>Identifies the calibration data and how much of it is used.</summary>
    public string DataKey { get; } = string.Create(
        CultureInfo.InvariantCulture,
        $"{Directory.Specification.Data?.Sha256 ?? "synthetic"} {Sources.Data.Count}");

    public async Task<OnnxModel> ReadModelAsync(BlobId blob, CancellationToken cancellation) =>
        OnnxModel.Parse(await Directory.Blobs.GetAsync(blob, cancellation), Directory.Blobs.PathOf(blob));

    public async Task<T> ReadJsonAsync<T>(BlobId blob, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        JsonSerializer.Deserialize(await Directory.Blobs.GetAsync(blob, cancellation), type)!;
}
