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

    /// <summary>Runs <paramref name="original"/>, unoptimized, over the samples.</summary>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model, or the samples do not fit it.</exception>
    public Equivalence(OnnxModel original, IReadOnlyList<Sample> samples, PreparationSettings settings, CancellationToken cancellation)
    {
        _samples = samples;
        _settings = settings;
        using ModelSession session = ModelSession.Create(original, Settings(GraphOptimization.None));
        _outputs = [.. session.Outputs.Where(o => o.Type is not (ElementType.Undefined or ElementType.String)).Select(o => o.Name)];
        foreach (Sample sample in samples)
        {
            cancellation.ThrowIfCancellationRequested();
            using RunResult result = session.Run(sample, _outputs);
            _expected.Add([.. Enumerable.Range(0, _outputs.Length).Select(result.Copy)]);
        }
    }

    /// <summary>What differs between the original and <paramref name="candidate"/>, in words; null where they are equal.</summary>
    public string? Difference(OnnxModel candidate, CancellationToken cancellation)
    {
        try
        {
            using ModelSession session = ModelSession.Create(candidate, Settings(GraphOptimization.Basic));
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

        double largest = 0;
        double worst = 0;
        ReadOnlySpan<float> a = expected.Floats;
        ReadOnlySpan<float> b = actual.Floats;
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

        return worst <= _settings.Tolerance * largest
            ? null
            : FormattableString.Invariant($"differs by {worst / largest:g3} of its largest value (allowed: {_settings.Tolerance:g3})");
    }

    private SessionSettings Settings(GraphOptimization optimization) =>
        new() { Threads = _settings.Threads, Optimization = optimization, UseArena = false };
}
