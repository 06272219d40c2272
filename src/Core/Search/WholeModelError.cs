using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Search.Objectives;
using QuantCluster.Verification;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Search;

/// <summary>
/// How far a candidate's outputs are from the float model's, sample by sample. KL divergence where an
/// output is a distribution (a (Log)Softmax), squared error relative to the output's mean energy elsewhere. Both are 0 for an equal
/// model, and additive over samples, so that candidates can be compared sample by sample.
/// </summary>
public sealed class WholeModelError
{
    /// <summary>Outputs of the float model are kept up to this many bytes: candidates then cost one run a sample.</summary>
    private const long MostKeptBytes = 64L << 20;

    private readonly OnnxModel _reference;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _samples;
    private readonly int _threads;
    private readonly ITaskMetric? _task;
    private readonly IReadOnlyDictionary<string, OutputKind> _kinds;
    private readonly ReferenceOutput[]?[] _kept;
    private string[] _outputs = [];
    private long _keptBytes;

    /// <param name="reference">The float model.</param>
    /// <param name="samples">Indices of the samples candidates are judged on.</param>
    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    /// <param name="task">How the task is judged on the data; null for what the outputs' errors tell alone.</param>
    public WholeModelError(OnnxModel reference, IDataset data, IReadOnlyList<int> samples, int threads, ITaskMetric? task = null)
    {
        _task = task;
        _reference = reference;
        _data = data;
        _samples = samples;
        _threads = threads;
        _kinds = OutputKinds.Of(reference);
        _kept = new ReferenceOutput[samples.Count][];
    }

    /// <summary>One error for each sample, run in ONNX Runtime as users of the model will.</summary>
    public double[] Measure(OnnxModel candidate, CancellationToken cancellation) => new Auto().Errors(MeasureRaw(candidate, cancellation));

    /// <summary>The sums from which every objective's errors follow, output by output.</summary>
    internal SampleError[][] MeasureRaw(OnnxModel candidate, CancellationToken cancellation)
    {
        using ModelSession quantized = ModelSession.Create(candidate, new SessionSettings());
        using ModelSession? reference = _kept.Contains(null) ? ModelSession.Create(_reference, new SessionSettings()) : null;
        if (_outputs.Length == 0 && reference is not null)
            _outputs = OutputsOf(reference);
        SampleError[][] parts = new SampleError[_samples.Count][];
        EachSample.Run(parts.Length, _threads, cancellation, s => parts[s] = Compare(reference, quantized.Run, s));
        return parts;
    }

    /// <summary>
    /// The errors of a part of the samples, on the calling thread: for those who run parts and candidates side by side.
    /// Calls may overlap; the float model runs once for all of them.
    /// </summary>
    /// <param name="candidate">Gives the named outputs of the candidate: called for every sample of the part, in order.</param>
    /// <param name="part">Places in the list of samples.</param>
    internal SampleError[][] Measure(Func<int, Sample, IReadOnlyCollection<string>, RunResult> candidate, Range part, CancellationToken cancellation)
    {
        (int first, int count) = part.GetOffsetAndLength(_samples.Count);
        using ModelSession? reference = Prepare(first, count, cancellation) ? null : ModelSession.Create(_reference, new SessionSettings());
        SampleError[][] errors = new SampleError[count][];
        for (int i = 0; i < count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            int place = i;
            errors[i] = Compare(reference, (sample, outputs) => candidate(place, sample, outputs), first + i);
        }

        return errors;
    }

    /// <summary>Runs the float model on samples whose outputs are not there yet; false where some had to go again.</summary>
    private bool Prepare(int first, int count, CancellationToken cancellation)
    {
        lock (_kept)
        {
            if (_kept.AsSpan(first, count).Contains(null) && (_keptBytes < MostKeptBytes || _outputs.Length == 0))
            {
                using ModelSession reference = ModelSession.Create(_reference, new SessionSettings());
                _outputs = OutputsOf(reference);
                for (int s = first; s < first + count && _outputs.Length > 0 && _keptBytes < MostKeptBytes; s++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (_kept[s] is null)
                        Run(reference, _data.Read(_samples[s]), s);
                }
            }

            return !_kept.AsSpan(first, count).Contains(null);
        }
    }

    private static string[] OutputsOf(ModelSession reference) =>
        [.. reference.Outputs.Where(o => OutputReader.IsFloat(o.Type)).Select(o => o.Name)];

    private SampleError[] Compare(ModelSession? reference, Func<Sample, IReadOnlyCollection<string>, RunResult> quantized, int s)
    {
        // ONNX Runtime does not run a model for nothing.
        if (_outputs.Length == 0)
            return [];
        Sample sample = _data.Read(_samples[s]);
        ReferenceOutput[] expected = _kept[s] ?? Run(reference!, sample, s);
        using RunResult actual = quantized(sample, _outputs);
        SampleError[] errors = new SampleError[_outputs.Length];
        for (int o = 0; o < errors.Length; o++)
        {
            OutputKind kind = _kinds.GetValueOrDefault(_outputs[o]);
            OutputView r = new(_outputs[o], expected[o].Shape, expected[o].Values, kind), q = OutputReader.Read(actual, o, sample, kind);
            Energies sums = Energies.Of(r.Values, q.Values);
            errors[o] = new SampleError(
                kind != OutputKind.Values && r.Classes > 1, r.Classes > 1 ? Divergence(r, q) : 0, sums.Noise, sums.Reference, sums.Quantized, sums.Product,
                o == 0 && _task is not null ? TaskLoss(r, q, sample) : null, expected[o].Entropy);
        }

        return errors;
    }

    private ReferenceOutput[] Run(ModelSession reference, Sample sample, int s)
    {
        using RunResult result = reference.Run(sample, _outputs);
        ReferenceOutput[] outputs = new ReferenceOutput[_outputs.Length];
        for (int o = 0; o < outputs.Length; o++)
        {
            OutputView view = OutputReader.Read(result, o, sample, _kinds.GetValueOrDefault(_outputs[o]));
            outputs[o] = new ReferenceOutput(view.Shape.ToArray(), view.Values.ToArray(), IsOfTokens(view, sample) ? MeanEntropy(view) : 0);
        }

        if (Interlocked.Add(ref _keptBytes, outputs.Sum(o => o.Values.LongLength * sizeof(float))) <= MostKeptBytes)
            _kept[s] = outputs;
        return outputs;
    }

    /// <summary>What the task metric falls on one sample.</summary>
    private double TaskLoss(OutputView reference, OutputView quantized, Sample sample)
    {
        List<TaskOutcome> before = [], after = [];
        _task!.Measure(reference, sample, before);
        _task.Measure(quantized, sample, after);
        double Score(List<TaskOutcome> outcomes) => _task.Score(outcomes.Sum(t => t.Total), outcomes.Sum(t => t.Count));
        return before.Count == 0 ? 0 : _task.Drop(Score(before), Score(after));
    }

    private static double Divergence(OutputView reference, OutputView quantized)
    {
        double sum = 0;
        for (int i = 0; i < reference.Positions; i++)
        {
            sum += reference.Kind == OutputKind.Probabilities
                ? KullbackLeibler.OfProbabilities(reference.Row(i), quantized.Row(i))
                : KullbackLeibler.OfLogarithms(reference.Row(i), quantized.Row(i));
        }

        return sum / Math.Max(1, reference.Positions);
    }

    /// <summary>Whether an output [N, S, classes] answers each token of an input [N, S] with a distribution, as language models do.</summary>
    private static bool IsOfTokens(OutputView output, Sample sample)
    {
        if (output.Shape.Length != 3 || output.Classes < 2 || output.Shape[^1] != output.Classes)
            return false;
        foreach (DenseTensor input in sample.Inputs.Values)
        {
            if (input.Type is ElementType.Int64 or ElementType.Int32 && input.Shape.Length == 2 && input.Shape[0] >= output.Shape[0] && input.Shape[1] == output.Shape[1])
                return true;
        }

        return false;
    }

    private static double MeanEntropy(OutputView output)
    {
        double sum = 0;
        for (int i = 0; i < output.Positions; i++)
            sum += Entropy.Of(output.Row(i), output.Kind);
        return sum / Math.Max(1, output.Positions);
    }

    /// <param name="Entropy">As <see cref="SampleError.Entropy"/>.</param>
    private sealed record ReferenceOutput(long[] Shape, float[] Values, double Entropy);
}
