using QuantCluster.Inference;

namespace QuantCluster.Data.Sources;

/// <summary>
/// JSON lines of token ids: each line a list of integers and one record, of its own length unless the spec's
/// <c>pad_to</c> fills it up with <c>pad_value</c>. Empty lines do not count.
/// </summary>
internal sealed class TokenLinesReader : IDatasetReader
{
    public string Name => ".jsonl";

    public bool CanRead(InputSpec input) => Path.GetExtension(input.File).ToLowerInvariant() is ".jsonl" or ".ndjson" && File.Exists(input.File);

    public IRecordSource Open(InputSpec input, ValueSignature model) => new TokenLines(input);
}
