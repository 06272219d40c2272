using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Verification;

/// <summary>What the comparison of one block of samples yields.</summary>
internal sealed class BlockComparison
{
    public ErrorTally Errors { get; } = new();

    public List<TaskOutcome> ReferenceOutcomes { get; } = [];

    public List<TaskOutcome> QuantizedOutcomes { get; } = [];
}

/// <summary>Runs both models on a sample and compares every float output.</summary>
internal sealed class OutputComparison
{
    private readonly ModelSession _reference;
    private readonly ModelSession _quantized;
    private readonly ITaskMetric? _task;
    private readonly string[] _outputs;
    private readonly OutputKind[] _kinds;

    /// <exception cref="QuantException">The quantized model lacks an output, or no output is float.</exception>
    public OutputComparison(ModelSession reference, ModelSession quantized, IReadOnlyDictionary<string, OutputKind> kinds, ITaskMetric? task)
    {
        _reference = reference;
        _quantized = quantized;
        _task = task;
        _outputs = [.. reference.Outputs.Where(o => OutputReader.IsFloat(o.Type)).Select(o => o.Name)];
        _kinds = [.. _outputs.Select(o => kinds.GetValueOrDefault(o))];
        if (_outputs.Length == 0)
            throw new QuantException(ExitCode.BadModel, "the float model has no float output, so there is no error to measure.");
        foreach (string output in _outputs)
        {
            if (!quantized.Outputs.Any(o => o.Name == output && OutputReader.IsFloat(o.Type)))
            {
                throw new QuantException(ExitCode.BadModel,
                    $"the quantized model has no float output '{output}' (it has {string.Join(", ", quantized.Outputs.Select(o => o.Name))}). Are these the same model?");
            }
        }
    }

    public void Add(Sample sample, BlockComparison block)
    {
        using RunResult reference = _reference.Run(sample, _outputs);
        using RunResult quantized = _quantized.Run(sample, _outputs);
        for (int i = 0; i < _outputs.Length; i++)
        {
            OutputView r = OutputReader.Read(reference, i, sample, _kinds[i]);
            OutputView q = OutputReader.Read(quantized, i, sample, _kinds[i]);
            if (r.Values.Length != q.Values.Length)
            {
                throw new QuantException(ExitCode.BadModel,
                    $"sample {sample.Index}: output '{_outputs[i]}' has shape [{string.Join(", ", r.Shape.ToArray())}] in float but [{string.Join(", ", q.Shape.ToArray())}] quantized. Are these the same model?");
            }

            block.Errors.Add(new OutputPair(r, q, isPrimary: i == 0));
            if (i == 0 && _task is not null)
            {
                _task.Measure(r, sample, block.ReferenceOutcomes);
                _task.Measure(q, sample, block.QuantizedOutcomes);
            }
        }
    }
}
