using QuantCluster.Inference;

namespace QuantCluster.Data.Sources;

/// <summary>Every way data may be stored, one line each; the first that can read a file reads it.</summary>
internal static class DatasetReaders
{
    private static readonly IDatasetReader[] All =
    [
        new NpyReader(),
        new NpzReader(),
        new RawReader(),
        new TokenLinesReader(),
        new ImageFolderReader(),
        new TensorProtoReader(),
        new NpyFolderReader(),
    ];

    public static IRecordSource Open(InputSpec input, ValueSignature model)
    {
        if (!File.Exists(input.File) && !Directory.Exists(input.File))
            throw new QuantException(ExitCode.BadData, $"{input.File}: no such file.");
        if (All.FirstOrDefault(r => r.CanRead(input)) is { } reader)
            return reader.Open(input, model);
        string what = Directory.Exists(input.File) ? "no data in this folder" : "not a kind of data";
        throw new QuantException(ExitCode.BadData, $"{input.File}: {what} that is read here; read are: {string.Join(", ", All.Select(r => r.Name))}.");
    }
}
