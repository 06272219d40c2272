using System.Runtime.InteropServices;
using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Verification.Tasks;

/// <summary>
/// Language models, teacher-forced: the logits [N, S, V] at position t predict the id at t + 1.
/// The score is minus the negative log-likelihood per token (nats), so that greater is better.
/// Where an <c>attention_mask</c> is fed, masked targets do not count.
/// </summary>
public sealed class NextToken : ITaskMetric
{
    public string Name => "next-token-nll";

    public string Title => "log-likelihood per token";

    public string Unit => "nats";

    public string DropUnit => "% of NLL";

    public bool IsBinary => false;

    public int? Labelled => null;

    public void Measure(OutputView output, Sample sample, ICollection<TaskOutcome> outcomes)
    {
        ReadOnlySpan<long> ids = Ids(sample, out long[] shape);
        ReadOnlySpan<long> mask = sample.Inputs.TryGetValue("attention_mask", out DenseTensor? m) && m.Type == ElementType.Int64 && m.Shape.AsSpan().SequenceEqual(shape)
            ? MemoryMarshal.Cast<byte, long>(m.Bytes.Span) : default;
        int length = (int)shape[^1], vocabulary = (int)output.Shape[^1];
        int records = output.Values.Length / Math.Max(1, length * vocabulary);
        if (output.Shape.Length < 2 || output.Shape[^2] != length)
        {
            throw new QuantException(ExitCode.BadData,
                $"{Name} needs logits [batch, {length}, vocabulary], but output '{output.Name}' has shape [{string.Join(", ", output.Shape.ToArray())}].");
        }

        for (int record = 0; record < records; record++)
        {
            double total = 0;
            int count = 0;
            for (int t = record * length; t < ((record + 1) * length) - 1; t++)
            {
                if (!mask.IsEmpty && mask[t + 1] == 0)
                    continue;
                long target = ids[t + 1];
                if (target < 0 || target >= vocabulary)
                    throw new QuantException(ExitCode.BadData, $"sample {sample.Index}: token id {target} is not in the vocabulary of {vocabulary}.");
                total += LogProbability(output.Values.Slice(t * vocabulary, vocabulary), (int)target, output.Kind);
                count++;
            }

            if (count > 0)
                outcomes.Add(new TaskOutcome(total, count));
        }
    }

    public double Score(double total, double count) => total / count;

    /// <summary>In percent of the float model's NLL.</summary>
    public double Drop(double reference, double quantized) => 100 * (reference - quantized) / Math.Max(Math.Abs(reference), 1e-12);

    private static double LogProbability(ReadOnlySpan<float> row, int target, OutputKind kind) => kind == OutputKind.Probabilities
        ? Math.Log(Math.Max(row[target], KullbackLeibler.Floor))
        : row[target] - KullbackLeibler.LogSumExp(row);

    private ReadOnlySpan<long> Ids(Sample sample, out long[] shape)
    {
        if (!sample.Inputs.TryGetValue("input_ids", out DenseTensor? ids))
            ids = sample.Inputs.Values.FirstOrDefault(t => t.Type == ElementType.Int64 && t.Shape.Length == 2);
        if (ids is null || ids.Type != ElementType.Int64 || ids.Shape.Length == 0)
            throw new QuantException(ExitCode.BadData, $"{Name} needs an int64 input 'input_ids' [batch, length]; the model takes {string.Join(", ", sample.Inputs.Keys)}.");
        shape = ids.Shape;
        return MemoryMarshal.Cast<byte, long>(ids.Bytes.Span);
    }
}
