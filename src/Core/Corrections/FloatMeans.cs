using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>
/// The float model's mean output of every layer, channel by channel, over some samples: what bias correction aims at.
/// Measured once, when first asked for, in one pass for all layers; thread-safe.
/// </summary>
/// <param name="plan">Whose layers will be asked for.</param>
/// <param name="samples">Indices of the samples the means are taken over.</param>
/// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
internal sealed class FloatMeans(OnnxModel prepared, QuantizationPlan plan, IDataset data, IReadOnlyList<int> samples, int threads)
{
    private readonly Lock _lock = new();
    private Dictionary<string, double[]>? _means;

    /// <summary>One mean for each output channel, without the layer's bias and activation.</summary>
    public double[] Of(Layer layer, CancellationToken cancellation)
    {
        lock (_lock)
            return (_means ??= Measure(cancellation))[layer.Id];
    }

    /// <summary>One pass of the float model for all layers; each layer's mean output follows from its mean input.</summary>
    private Dictionary<string, double[]> Measure(CancellationToken cancellation)
    {
        Layer[] corrected = [.. plan.Layers.Where(SequentialBiasCorrection.CanCorrect)];
        string[] inputs = [.. corrected.Select(l => l.Input).Distinct()];
        Dictionary<string, MeanInput> sums = inputs.ToDictionary(i => i, _ => new MeanInput());
        string[] tapped = [.. inputs.Where(i => prepared.Graph.Producer(i) is not null)];
        using (ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(prepared, tapped), new SessionSettings()))
        {
            // Some samples side by side, then their sums in the samples' order.
            foreach (int[] some in samples.Chunk(EachSample.AtOnce(threads)))
            {
                Sample[] read = new Sample[some.Length];
                RunResult?[] results = new RunResult?[some.Length];
                try
                {
                    EachSample.Run(some.Length, threads, cancellation, i =>
                    {
                        read[i] = data.Read(some[i]);
                        results[i] = tapped.Length > 0 ? session.Run(read[i], tapped) : null;
                    });
                    EachSample.Run(inputs.Length, threads, cancellation, i => AddTo(sums[inputs[i]], inputs[i], Array.IndexOf(tapped, inputs[i]), read, results));
                }
                finally
                {
                    foreach (RunResult? result in results)
                        result?.Dispose();
                }
            }
        }

        Dictionary<string, double[]> means = [];
        foreach (Layer layer in corrected)
        {
            float[] weight = prepared.Graph.Initializer(layer.Weight)!.ToFloats();
            means[layer.Id] = LayerProduct.ChannelMeans(prepared, layer, weight, sums[layer.Input].Means());
        }

        return means;
    }

    private static void AddTo(MeanInput sum, string input, int tap, Sample[] samples, RunResult?[] results)
    {
        for (int i = 0; i < samples.Length; i++)
        {
            if (tap >= 0)
                sum.Add(results[i]!.ShapeOf(tap), results[i]!.Floats(tap));
            else
                sum.Add(samples[i].Inputs[input].Shape, samples[i].Inputs[input].Floats);
        }
    }
}
