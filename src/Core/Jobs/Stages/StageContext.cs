using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using QuantCluster.Onnx;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>What every stage works with.</summary>
internal sealed record StageContext(JobDirectory Directory, StageRunner Runner, JobSources Sources, WorkHandlers Handlers, IProgress<JobProgress>? Progress)
{
    public JobSettings Settings => Directory.Specification.Settings;

    /// <summary>Identifies the calibration data and how much of it is used.</summary>
    public string DataKey { get; } = string.Create(
        CultureInfo.InvariantCulture,
        $"{Directory.Specification.Data?.Sha256 ?? "synthetic"} {Sources.Data.Count}");

    /// <summary>Bytes a model may have at most; null where no size is asked for.</summary>
    public double? MaximumBytes => Settings.MaximumSize?.Of(VerifiedModel.FromFile(Sources.ModelInput.Path).ByteCount);

    /// <inheritdoc cref="StageRunner.Open"/>
    public StageItems Open(string stage) => Runner.Open(stage, Handlers.ByKind);

    /// <inheritdoc cref="StageRunner.RunItemsAsync"/>
    public Task<IReadOnlyList<BlobId>> RunItemsAsync(string stage, IReadOnlyList<WorkItem> items, CancellationToken cancellation) =>
        Runner.RunItemsAsync(stage, items, Handlers.ByKind, cancellation);

    /// <summary>The model; not to be changed.</summary>
    public Task<OnnxModel> ReadModelAsync(BlobId blob) => Handlers.Values.ModelAsync(blob);

    public async Task<T> ReadJsonAsync<T>(BlobId blob, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        JsonSerializer.Deserialize(await Directory.Blobs.GetAsync(blob, cancellation), type)!;
}
