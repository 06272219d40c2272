using QuantCluster.Inference;

namespace QuantCluster.Data.Sources;

/// <summary>A folder of NumPy array files in the order of their names; each holds one record, or several along its first dimension.</summary>
internal sealed class NpyFolderReader : IDatasetReader
{
    public string Name => "a folder of .npy";

    public bool CanRead(InputSpec input) => Directory.Exists(input.File) && DataFile.In(input.File, ".npy").Length > 0;

    public IRecordSource Open(InputSpec input, ValueSignature model) =>
        new FolderRecords(input.File, DataFile.In(input.File, ".npy"), file => NpyRecords.Open(DataFile.Open(file), model, file));
}
