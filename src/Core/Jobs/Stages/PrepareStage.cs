using QuantCluster.Preparation;

namespace QuantCluster.Jobs.Stages;

/// <summary>Original model → a model that can be planned (<c>model</c>), and what was done to it (<c>rewrites</c>).</summary>
internal static class PrepareStage
{
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(StageContext context, CancellationToken cancellation)
    {
        string[] inputs = [context.Sources.ModelInput.Sha256, context.DataKey];
        return await context.Runner.RunStoringAsync("prepare", inputs, async c =>
        {
            PreparedModel prepared = Preparer.Prepare(context.Sources.Model!, context.Sources.Data.Read(0), new PreparationSettings(), c, context.Sources.TakeSession());
            context.Sources.ReleaseModel();
            Dictionary<string, BlobId> outputs = await ModelBlobs.PutAsync(context.Directory.Blobs, prepared.Model, c);
            // Others are better read again: it may hold on to more of the original than the blob does.
            if (prepared.Model.IsSmall)
                context.Handlers.Values.Keep(outputs["model"], prepared.Model);
            outputs["rewrites"] = await context.Directory.Blobs.PutAsync(CanonicalJson.Serialize(prepared.Rewrites, StageJson.Default.IReadOnlyListRewriteReport), c);
            return outputs;
        }, cancellation);
    }
}
