using System.Text.Json.Serialization;
using QuantCluster.Jobs;

namespace QuantCluster.Search.Frontier;

/// <summary>A <see cref="FrontierResult"/> as JSON that people and other programs read: <c>frontier.json</c> in the job's folder.</summary>
public static class FrontierFile
{
    public const string Name = "frontier.json";

    public static byte[] ToBytes(FrontierResult result) => ResultFile.ToBytes(result, Json.FrontierResult);

    /// <summary>The frontier of a job.</summary>
    /// <exception cref="QuantException">The folder holds none, or one of another version.</exception>
    public static FrontierResult Load(string job)
    {
        string path = Path.Combine(job, Name);
        if (!Directory.Exists(job))
            throw new QuantException(ExitCode.Usage, $"{job}: no such folder. Give the folder of a job ('quant run ... --frontier 8 --job DIR').");
        if (!File.Exists(path))
            throw new QuantException(ExitCode.Usage, $"{job}: has no frontier yet. Make it with the job's own 'quant run' command and --frontier 8; what is finished is not done again.");
        return ResultFile.Load(
            path, Json.FrontierResult, f => f.Format == FrontierResult.CurrentFormat,
            $"not a frontier ({FrontierResult.CurrentFormat}). Make it anew with 'quant run ... --frontier 8'.");
    }

    private static FrontierJson Json { get; } = new(ResultFile.Options);
}

[JsonSerializable(typeof(FrontierResult))]
internal sealed partial class FrontierJson : JsonSerializerContext;
