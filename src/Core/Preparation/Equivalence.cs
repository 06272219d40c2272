using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>Compares models with the original, by what they answer to real samples.</summary>
internal sealed class Equivalence
{
    private readonly IReadOnlyList<Sample> _samples;
    private readonly PreparationSettings _settings;
    private readonly Task<(string[] Outputs, List<DenseTensor[]> Values)> _answers;
    private readonly Lazy<double> _tolerance;

    /// <summary>
    /// Runs <paramref name="original"/>, unoptimized, over the samples: in the background (<see cref="Answer"/> waits) where
    /// it is small, else it should have the memory for itself. Where ONNX Runtime's own default optimization moves
    /// an answer further than the settings' tolerance allows, the model is that sensitive to rounding, and twice as
    /// much is allowed. <paramref name="opened"/> is a session of it, where there is one already; it is closed when its answers are known.
    /// </summary>
    /// <exception cref="QuantException">From <see cref="Answer"/>: ONNX Runtime does not accept the model, or the samples do not fit it.</exception>
    public Equivalence(OnnxModel original, IReadOnlyList<Sample> samples, PreparationSettings settings, ModelSession? opened, CancellationToken cancellation)
    {
        _samples = samples;
        _settings = settings;
        _answers = Task.Run(() => AnswersOf(original, opened, cancellation), CancellationToken.None);
        if (!original.IsSmall)
            Answer();

        // Only asked for where the settings' tolerance is exceeded: it takes one more session.
        _tolerance = new Lazy<double>(() => Math.Max(settings.Tolerance, 2 * OwnDifference(original, cancellation)));
    }

    /// <summary>Waits until the original has answered and its session is closed.</summary>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model, or the samples do not fit it.</exception>
    public void Answer() => _answers.GetAwaiter().GetResult();

    private (string[] Outputs, List<DenseTensor[]> Values) AnswersOf(OnnxModel original, ModelSession? opened, CancellationToken cancellation)
    {
        using ModelSession session = opened ?? ModelSession.Create(original, Settings(original, GraphOptimization.None));
        string[] outputs = [.. session.Outputs.Where(o => o.Type is not (ElementType.Undefined or ElementType.String)).Select(o => o.Name)];
        List<DenseTensor[]> values = [];
        foreach (Sample sample in _samples)
        {
            cancellation.ThrowIfCancellationRequested();
            using RunResult result = session.Run(sample, outputs);
            values.Add([.. Enumerable.Range(0, outputs.Length).Select(result.Copy)]);
        }

        return (outputs, values);
    }

    private double OwnDifference(OnnxModel original, CancellationToken cancellation)
    {
        using ModelSession session = ModelSession.Create(original, Settings(original, GraphOptimization.All));
        (string[] outputs, List<DenseTensor[]> values) = _answers.Result;
        double worst = 0;
        for (int i = 0; i < _samples.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using RunResult result = session.Run(_samples[i], outputs);
            for (int output = 0; output < outputs.Length; output++)
            {
                DenseTensor expected = values[i][output], actual = result.Copy(output);
                if (expected.Type == ElementType.Float && actual.Type == ElementType.Float && expected.Shape.AsSpan().SequenceEqual(actual.Shape))
                    worst = Math.Max(worst, Relative(expected.Floats, actual.Floats));
            }
        }

        return double.IsFinite(worst) ? worst : 0;
    }

    /// <summary>What differs between the original and <paramref name="candidate"/>, in words; null where they are equal.</summary>
    /// <param name="optimization">
    /// How far ONNX Runtime may rewrite the candidate: not at all where every operator must answer as before, since its
    /// own rewrites round differently.
    /// </param>
    /// <param name="candidate">The rewritten model.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    public string? Difference(OnnxModel candidate, GraphOptimization optimization, CancellationToken cancellation)
    {
        (string[] outputs, List<DenseTensor[]> values) = _answers.Result;
        try
        {
            using ModelSession session = ModelSession.Create(candidate, Settings(candidate, optimization));
            for (int i = 0; i < _samples.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using RunResult result = session.Run(_samples[i], outputs);
                for (int output = 0; output < outputs.Length; output++)
                {
                    if (Difference(values[i][output], result.Copy(output)) is { } difference)
                        return $"output {outputs[output]} of sample {_samples[i].Index} {difference}";
                }
            }

            return null;
        }
        catch (QuantException e)
        {
            return e.Message;
        }
    }

    private string? Difference(DenseTensor expected, DenseTensor actual)
    {
        if (expected.Type != actual.Type)
            return $"became {actual.Type}, was {expected.Type}";
        if (!expected.Shape.AsSpan().SequenceEqual(actual.Shape))
            return $"became [{string.Join(", ", actual.Shape)}], was [{string.Join(", ", expected.Shape)}]";
        if (expected.Type != ElementType.Float)
            return expected.Bytes.Span.SequenceEqual(actual.Bytes.Span) ? null : "changed";

        double relative = Relative(expected.Floats, actual.Floats);
        return relative <= _settings.Tolerance || relative <= _tolerance.Value
            ? null
            : FormattableString.Invariant($"differs by {relative:g3} of its largest value (allowed: {_tolerance.Value:g3})");
    }

    /// <summary>max |a − b| / max |a|; 0 where nothing differs, infinite where one is NaN or infinite and the other is not.</summary>
    private static double Relative(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < a.Length; i++)
        {
            // Equal infinities, and NaN where NaN was, are no difference.
            if (a[i].Equals(b[i]))
                continue;
            double difference = Math.Abs((double)a[i] - b[i]);
            worst = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(worst, difference);
        }

        foreach (float value in a)
        {
            if (float.IsFinite(value))
                largest = Math.Max(largest, Math.Abs(value));
        }

        return worst == 0 ? 0 : worst / largest;
    }

    private SessionSettings Settings(OnnxModel model, GraphOptimization optimization) =>
        new() { Threads = _settings.Threads, Optimization = optimization, UseArena = false, Prepacks = !model.IsLarge };
}
