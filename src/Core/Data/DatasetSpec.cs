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

    /// <summary>Reads a spec.</summary>
    /// <exception cref="QuantException">The file cannot be read, is no JSON, or says something that is not understood.</exception>
    public static DatasetSpec Load(string path) => DatasetSpecReader.Read(path);
}
