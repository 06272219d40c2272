using QuantCluster.Preparation;

namespace QuantCluster.Jobs.Stages;

/// <summary>Original model → a model that can be planned (<c>model</c>), and what was done to it (<c>rewrites</c>).</summary>
internal static class PrepareStage
{
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(StageContext context, CancellationToken cancellation)
    {
        string[] inputs = [context.Sources.ModelInput.Sha256, context.DataKey];
        return await context.Runner.RunAsync("prepare", inputs, c =>
        {
            PreparedModel prepared = Preparer.Prepare(context.Sources.Model!, context.Sources.Data.Read(0), new PreparationSettings(), c, context.Sources.Session);
            return new Dictionary<string, byte[]>
            {
                ["model"] = prepared.Model.ToBytes(),
                ["rewrites"] = CanonicalJson.Serialize(prepared.Rewrites, StageJson.Default.IReadOnlyListRewriteReport),
            };
        }, cancellation);
    }
}
