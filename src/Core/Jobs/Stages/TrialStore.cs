using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using QuantCluster.Emission;
using QuantCluster.Planning;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// Trials as blobs. Most of a trial is the same in the next one, so its plan and each layer's weight are blobs of their
/// own, and a trial is a small list of them. Thread-safe.
/// </summary>
internal sealed class TrialStore(JobValues values)
{
    private const string Format = "quantcluster.trial/1";

    // What this process made it need not read again.
    private readonly ConcurrentDictionary<BlobId, WeakReference<Trial>> _known = new();
    private readonly ConditionalWeakTable<object, string> _parts = [];

    /// <summary>Stores the trial; equal trials have equal names.</summary>
    public async Task<BlobId> PutAsync(Trial trial, CancellationToken cancellation)
    {
        using MemoryStream stream = new();
        using (BinaryWriter writer = new(stream))
        {
            writer.Write(Format);
            writer.Write(await PutPartAsync(trial.Plan, () => CanonicalJson.Serialize(trial.Plan, StageJson.Default.QuantizationPlan), cancellation));
            writer.Write(trial.Configuration.Weights.Count);
            foreach ((string layer, QuantizedWeight weight) in trial.Configuration.Weights.OrderBy(w => w.Key, StringComparer.Ordinal))
            {
                writer.Write(layer);
                writer.Write(await PutPartAsync(weight, () => ConfigurationFile.ToBytes(new QuantizationConfiguration(
                    new Dictionary<string, Numerics.AffineMapping>(),
                    new Dictionary<string, QuantizedWeight> { [""] = weight },
                    new Dictionary<string, float[]>())), cancellation));
            }

            writer.Write(ConfigurationFile.ToBytes(trial.Configuration with { Weights = new Dictionary<string, QuantizedWeight>() }));
        }

        BlobId id = await values.Blobs.PutAsync(stream.ToArray(), cancellation);
        _known[id] = new WeakReference<Trial>(trial);
        return id;
    }

    /// <summary>Equal names, equal weights; of those that were stored as part of a trial.</summary>
    public string NameOf(QuantizedWeight weight) => _parts.TryGetValue(weight, out string? name) ? name : "";

    public async Task<Trial> GetAsync(BlobId id, CancellationToken cancellation)
    {
        if (_known.TryGetValue(id, out WeakReference<Trial>? known) && known.TryGetTarget(out Trial? there))
            return there;
        byte[] bytes = await values.Blobs.GetAsync(id, cancellation);
        using BinaryReader reader = new(new MemoryStream(bytes));
        if (reader.ReadString() != Format)
            throw new InvalidDataException($"not a {Format}");
        QuantizationPlan plan = await values.PlanAsync(BlobId.Parse(reader.ReadString()));
        Dictionary<string, QuantizedWeight> weights = [];
        for (int i = reader.ReadInt32(); i > 0; i--)
        {
            string layer = reader.ReadString();
            QuantizationConfiguration part = await values.PartAsync(BlobId.Parse(reader.ReadString()), cancellation);
            weights[layer] = part.Weights[""];
        }

        QuantizationConfiguration rest = ConfigurationFile.Parse(bytes[(int)reader.BaseStream.Position..]);
        return new Trial(plan, rest with { Weights = weights });
    }

    private async Task<string> PutPartAsync(object part, Func<byte[]> bytes, CancellationToken cancellation)
    {
        if (_parts.TryGetValue(part, out string? stored))
            return stored;
        stored = (await values.Blobs.PutAsync(bytes(), cancellation)).Value;
        _parts.AddOrUpdate(part, stored);
        return stored;
    }
}
