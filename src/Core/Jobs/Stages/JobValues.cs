using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>A job's values, read from its blobs once and kept while they are in use. Thread-safe.</summary>
internal sealed class JobValues(IBlobStore blobs)
{
    private readonly ConcurrentDictionary<BlobId, Lazy<Task<object>>> _kept = new();

    // What somebody still holds after a release is not read a second time.
    private readonly ConcurrentDictionary<BlobId, WeakReference<object>> _held = new();

    public IBlobStore Blobs => blobs;

    /// <summary>The model; not to be changed.</summary>
    public Task<OnnxModel> ModelAsync(BlobId id) =>
        KeepAsync(id, async () => await ModelBlobs.GetAsync(blobs, id));

    public Task<QuantizationPlan> PlanAsync(BlobId id) => KeepAsync(id, () => ReadAsync(id, StageJson.Default.QuantizationPlan));

    public Task<CalibrationStatistics> StatisticsAsync(BlobId id) =>
        KeepAsync(id, async () => StatisticsFile.Read(await blobs.GetAsync(id)));

    /// <summary>Keeps a value that was just stored, so that it need not be read again.</summary>
    public void Keep(BlobId id, object value) => _kept[id] = new Lazy<Task<object>>(Task.FromResult(value));

    /// <summary>Configurations are read by one stage after another, so none is kept.</summary>
    public async Task<QuantizationConfiguration> ConfigurationAsync(BlobId id, CancellationToken cancellation)
    {
        using FileStream file = File.OpenRead(await blobs.FileOfAsync(id, cancellation));
        return ConfigurationFile.Read(file);
    }

    /// <summary>One of the many small ones that a trial is made of.</summary>
    public async Task<QuantizationConfiguration> PartAsync(BlobId id, CancellationToken cancellation) =>
        ConfigurationFile.Parse(await blobs.GetAsync(id, cancellation));

    /// <summary>Lets everything go that nobody else is using.</summary>
    public void Release() => _kept.Clear();

    private async Task<T> ReadAsync<T>(BlobId id, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(await blobs.GetAsync(id), type)!;

    private async Task<T> KeepAsync<T>(BlobId id, Func<Task<T>> read)
        where T : class
    {
        WorkInstruments.AddLookup("values", _kept.ContainsKey(id));
        Lazy<Task<object>> value = _kept.GetOrAdd(id, _ => new Lazy<Task<object>>(async () =>
        {
            if (_held.TryGetValue(id, out WeakReference<object>? held) && held.TryGetTarget(out object? there))
                return there;
            T made = await read();
            _held[id] = new WeakReference<object>(made);
            return made;
        }));
        try
        {
            return (T)await value.Value;
        }
        catch
        {
            // What could not be read now may be there later.
            _kept.TryRemove(KeyValuePair.Create(id, value));
            throw;
        }
    }
}
