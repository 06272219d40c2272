using QuantCluster.Inference;

namespace QuantCluster.Data;

/// <summary>
/// Which data a model is fed: a JSON file like
/// <c>{"inputs": {"x": {"file": "x.npy", "layout": "NHWC", "divide": 255}}, "labels": "y.npy", "metric": "top1"}</c>.
/// Paths in it are relative to the file.
/// </summary>
public sealed record DatasetSpec
{
    /// <summary>The file it was read from, as given; what errors call it.</summary>
    public string Source { get; init; } = "data";

    /// <summary>Absolute path of the model the data were made for; a hint only.</summary>
    public string? Model { get; init; }

    /// <summary>By model input name.</summary>
    public required IReadOnlyDictionary<string, InputSpec> Inputs { get; init; }

    /// <summary>Absolute path of the labels, see <see cref="Data.Labels"/>.</summary>
    public string? Labels { get; init; }

    /// <summary>How outputs are judged against labels: <c>top1</c>, <c>top5</c>, <c>next-token-nll</c>, ...</summary>
    public string? Metric { get; init; }

    /// <summary>Absolute path of the characters that <c>ctc-lines</c> reads, one a line.</summary>
    public string? Dictionary { get; init; }

    /// <summary>Reads a spec.</summary>
    /// <exception cref="QuantException">The file cannot be read, is no JSON, or says something that is not understood.</exception>
    public static DatasetSpec Load(string path) => DatasetSpecReader.Read(path);

    /// <summary>What <c>--data</c> names: a spec, or a bare file or folder of data where it is plain what it feeds.</summary>
    /// <param name="fileOrFolder">A <c>.json</c> spec, or any source that a spec may name.</param>
    /// <param name="modelInputs">The model's inputs.</param>
    /// <param name="assumption">What was assumed about bare data, for the user to read; null for a spec.</param>
    /// <exception cref="QuantException">There is no such file, or it cannot be told what it feeds.</exception>
    public static DatasetSpec FromArgument(string fileOrFolder, IReadOnlyList<ValueSignature> modelInputs, out string? assumption)
    {
        if (!fileOrFolder.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            return BareData.Describe(fileOrFolder, modelInputs, out assumption);
        assumption = null;
        return Load(fileOrFolder);
    }

    /// <summary>
    /// SHA-256 (hexadecimal) of what the data are: every setting and the bytes of every file, whatever the paths;
    /// the model is not part of it. Moving the data keeps the hash, changing one byte changes it.
    /// </summary>
    /// <exception cref="QuantException">A file cannot be read.</exception>
    public string ContentHash() => DatasetHash.Of(this);
}
