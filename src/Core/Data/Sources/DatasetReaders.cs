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
        IDatasetReader reader = All.FirstOrDefault(r => r.CanRead(input))
            ?? throw new QuantException(ExitCode.BadData, $"{input.File}: not a kind of data that is read here; read are: {string.Join(", ", All.Select(r => r.Name))}.");
        return reader.Open(input, model);
    }
}
