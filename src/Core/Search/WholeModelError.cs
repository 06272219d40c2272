using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Verification;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Search;

/// <summary>
/// The objective: how far a candidate's outputs are from the float model's, sample by sample. KL divergence where an
/// output is a distribution (a (Log)Softmax), squared error relative to the output's mean energy elsewhere. Both are 0 for an equal
/// model, and additive over samples, so that candidates can be compared sample by sample.
/// </summary>
public sealed class WholeModelError
{
    private readonly OnnxModel _reference;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _samples;
    private readonly SessionSettings _settings;
    private readonly IReadOnlyDictionary<string, OutputKind> _kinds;

    /// <param name="reference">The float model.</param>
    /// <param name="samples">Indices of the samples candidates are judged on.</param>
    public WholeModelError(OnnxModel reference, IDataset data, IReadOnlyList<int> samples, int threads)
    {
        _reference = reference;
        _data = data;
        _samples = samples;
        _settings = new SessionSettings { Threads = threads };
        _kinds = OutputKinds.Of(reference);
    }

    /// <summary>One error for each sample, run in ONNX Runtime as users of the model will.</summary>
    public double[] Measure(OnnxModel candidate, CancellationToken cancellation)
    {
        using ModelSession reference = ModelSession.Create(_reference, _settings);
        using ModelSession quantized = ModelSession.Create(candidate, _settings);
        string[] outputs = [.. reference.Outputs.Where(o => OutputReader.IsFloat(o.Type)).Select(o => o.Name)];
        double[] errors = new double[_samples.Count];
        double[][] squared = [.. outputs.Select(_ => new double[_samples.Count])];
        double[] energy = new double[outputs.Length];
        for (int s = 0; s < errors.Length; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            Sample sample = _data.Read(_samples[s]);
            using RunResult expected = reference.Run(sample, outputs), actual = quantized.Run(sample, outputs);
            for (int o = 0; o < outputs.Length; o++)
            {
                OutputKind kind = _kinds.GetValueOrDefault(outputs[o]);
                OutputView r = OutputReader.Read(expected, o, sample, kind), q = OutputReader.Read(actual, o, sample, kind);
                if (kind != OutputKind.Values && r.Classes > 1)
                    errors[s] += Divergence(r, q);
                else
                    (energy[o], squared[o][s]) = AddSquares(r.Values, q.Values, energy[o]);
            }
        }

        for (int o = 0; o < outputs.Length; o++)
        {
            // Where the float model always answers zero there is no energy to relate to.
            double mean = energy[o] > 0 ? energy[o] / errors.Length : 1;
            for (int s = 0; s < errors.Length; s++)
                errors[s] += squared[o][s] / mean;
        }

        return errors;
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

    private static (double Energy, double Squared) AddSquares(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized, double energy)
    {
        double squared = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double difference = (double)reference[i] - quantized[i];
            energy += (double)reference[i] * reference[i];
            squared += difference * difference;
        }

        return (energy, squared);
    }
}
