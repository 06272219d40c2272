using QuantCluster.Onnx;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>
/// Models as blobs. A large one is two: its graph, and the tensors' values, which the graph's external data
/// locations name by their hash.
/// </summary>
public static class ModelBlobs
{
    private const string Unnamed = "tensors";

    /// <summary>Stores a model.</summary>
    /// <returns>Outputs of a stage: <c>model</c>, which stands for the whole, and <c>model.data</c> where there is one.</returns>
    public static async Task<Dictionary<string, BlobId>> PutAsync(IBlobStore blobs, OnnxModel model, CancellationToken cancellation)
    {
        if (!model.IsLarge)
            return new() { ["model"] = await blobs.PutAsync(model.ToBytes(), cancellation) };
        OnnxModel graph = model.Clone();
        BlobId data = await blobs.PutAsync(stream => ExternalData.Write(graph.Proto, stream, Unnamed, OnnxModel.SmallestExternal), cancellation);
        ExternalData.Relocate(graph.Proto, _ => data.Value);
        return new() { ["model"] = await blobs.PutAsync(graph.GraphBytes(), cancellation), ["model.data"] = data };
    }

    /// <summary>Reads a model whole.</summary>
    /// <exception cref="QuantException">A blob is missing or damaged.</exception>
    public static async Task<OnnxModel> GetAsync(IBlobStore blobs, BlobId id, CancellationToken cancellation = default)
    {
        OnnxModel model = OnnxModel.Parse(await blobs.GetAsync(id, cancellation), $"the job's model {id}");
        if (!model.KeepsDataApart)
            return model;
        Dictionary<string, string> files = [];
        foreach (string location in ExternalData.Locations(model.Proto))
            files[location] = await blobs.FileOfAsync(BlobId.Parse(location), cancellation);
        ExternalData.Read(model.Proto, location => files[location]);
        return model;
    }

    /// <summary>The model as it will be handed over: from its file where it is one.</summary>
    /// <exception cref="QuantException">A blob is missing or damaged.</exception>
    public static async Task<VerifiedModel> VerifiedAsync(IBlobStore blobs, BlobId id, CancellationToken cancellation)
    {
        string file = await blobs.FileOfAsync(id, cancellation);
        OnnxModel graph = OnnxModel.Load(file, readExternalData: false);
        if (!graph.KeepsDataApart)
            return VerifiedModel.FromFile(file);
        OnnxModel model = await GetAsync(blobs, id, cancellation);
        if (!model.ExceedsSingleFile)
            return VerifiedModel.FromModel(model, model.Proto.CalculateSize());
        long bytes = new FileInfo(file).Length;
        foreach (string location in ExternalData.Locations(graph.Proto))
            bytes += new FileInfo(await blobs.FileOfAsync(BlobId.Parse(location), cancellation)).Length;
        return VerifiedModel.FromModel(model, bytes);
    }

    /// <summary>Writes a model as a file, whole or not at all; one that passes 2 GB with <c>PATH.data</c> beside it, which is there first.</summary>
    /// <exception cref="QuantException">The file cannot be written, or a blob is missing or damaged.</exception>
    public static async Task ExportAsync(IBlobStore blobs, BlobId id, string path, CancellationToken cancellation, OutputFiles? files = null)
    {
        files ??= OutputFiles.InPlace;
        byte[] bytes = await blobs.GetAsync(id, cancellation);
        OnnxModel graph = OnnxModel.Parse(bytes, path);
        if (graph.KeepsDataApart)
        {
            OnnxModel model = await GetAsync(blobs, id, cancellation);
            if (!model.ExceedsSingleFile)
            {
                cancellation.ThrowIfCancellationRequested();
                files.Write(path, model.WriteTo);
                return;
            }

            string location = ExternalData.Locations(graph.Proto).Single();
            string file = await blobs.FileOfAsync(BlobId.Parse(location), cancellation);
            files.Copy(file, path + ".data");
            ExternalData.Relocate(graph.Proto, _ => Path.GetFileName(path) + ".data");
            bytes = graph.GraphBytes();
        }

        cancellation.ThrowIfCancellationRequested();
        files.Write(path, bytes);
    }
}
