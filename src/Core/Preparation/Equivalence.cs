using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>Compares models with the original, by what they answer to real samples.</summary>
internal sealed class Equivalence
{
    private readonly IReadOnlyList<Sample> _samples;
    private readonly PreparationSettings _settings;
    private readonly List<DenseTensor[]> _expected = [];
    private readonly string[] _outputs;
    private readonly Lazy<double> _tolerance;

    /// <summary>
    /// Runs <paramref name="original"/>, unoptimized, over the samples. Where ONNX Runtime's own default optimization moves
    /// an answer further than the settings' tolerance allows, the model is that sensitive to rounding, and twice as
    /// much is allowed. <paramref name="opened"/> is a session of it, where there is one already; it is closed when its answers are known.
    /// </summary>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model, or the samples do not fit it.</exception>
    public Equivalence(OnnxModel original, IReadOnlyList<Sample> samples, PreparationSettings settings, ModelSession? opened, CancellationToken cancellation)
    {
        _samples = samples;
        _settings = settings;
        using ModelSession session = opened ?? ModelSession.Create(original, Settings(original, GraphOptimization.None));
        _outputs = [.. session.Outputs.Where(o => o.Type is not (ElementType.Undefined or ElementType.String)).Select(o => o.Name)];
        foreach (Sample sample in samples)
        {
            cancellation.ThrowIfCancellationRequested();
            using RunResult result = session.Run(sample, _outputs);
            _expected.Add([.. Enumerable.Range(0, _outputs.Length).Select(result.Copy)]);
        }

        // Only asked for where the settings' tolerance is exceeded: it takes one more session.
        _tolerance = new Lazy<double>(() => Math.Max(settings.Tolerance, 2 * OwnDifference(original, cancellation)));
    }

    private double OwnDifference(OnnxModel original, CancellationToken cancellation)
    {
        using ModelSession session = ModelSession.Create(original, Settings(original, GraphOptimization.All));
        double worst = 0;
        for (int i = 0; i < _samples.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using RunResult result = session.Run(_samples[i], _outputs);
            for (int output = 0; output < _outputs.Length; output++)
            {
                DenseTensor expected = _expected[i][output], actual = result.Copy(output);
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
        try
        {
            using ModelSession session = ModelSession.Create(candidate, Settings(candidate, optimization));
            for (int i = 0; i < _samples.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using RunResult result = session.Run(_samples[i], _outputs);
                for (int output = 0; output < _outputs.Length; output++)
                {
                    if (Difference(_expected[i][output], result.Copy(output)) is { } difference)
                        return $"output {_outputs[output]} of sample {_samples[i].Index} {difference}";
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
