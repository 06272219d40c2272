using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Verification;

/// <summary>Where the error enters: SQNR of every tensor both models have, in graph order.</summary>
public static class LayerProfile
{
    /// <param name="reference">The float model (as prepared).</param>
    /// <param name="quantized">The quantized model.</param>
    /// <param name="mapping">Float tensor to the float tensor that stands for it in the quantized model (dequantized, or never quantized).</param>
    /// <param name="data">Samples; the first <paramref name="samples"/> are used.</param>
    /// <param name="samples">How many; one at a time is in memory.</param>
    /// <param name="progress">Told after every sample.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    public static IReadOnlyList<TensorError> Measure(
        OnnxModel reference, OnnxModel quantized, IReadOnlyDictionary<string, string> mapping, IDataset data, int samples, IProgress<VerificationProgress>? progress = null, CancellationToken cancellation = default)
    {
        List<string> tensors = [.. reference.Graph.Nodes.SelectMany(n => n.Output).Where(mapping.ContainsKey)];
        if (tensors.Count == 0)
            return [];

        using ModelSession a = ModelSession.Create(TensorProbe.WithOutputs(reference, tensors), new SessionSettings());
        using ModelSession b = ModelSession.Create(TensorProbe.WithOutputs(quantized, tensors.Select(t => mapping[t]).Distinct()), new SessionSettings());
        HashSet<string> floats = [.. a.Outputs.Where(o => OutputReader.IsFloat(o.Type)).Select(o => o.Name)];
        HashSet<string> quantizedFloats = [.. b.Outputs.Where(o => OutputReader.IsFloat(o.Type)).Select(o => o.Name)];
        tensors.RemoveAll(t => !floats.Contains(t) || !quantizedFloats.Contains(mapping[t]));

        double[] signal = new double[tensors.Count], noise = new double[tensors.Count];
        string[] mapped = [.. tensors.Select(t => mapping[t]).Distinct()];
        int[] places = [.. tensors.Select(t => Array.IndexOf(mapped, mapping[t]))];
        bool[] comparable = new bool[tensors.Count];
        for (int sample = 0; sample < samples; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            Sample fed = data.Read(sample);
            using RunResult left = a.Run(fed, tensors);
            using RunResult right = b.Run(fed, mapped);
            for (int i = 0; i < tensors.Count; i++)
            {
                OutputView r = OutputReader.Read(left, i, fed, OutputKind.Values);
                OutputView q = OutputReader.Read(right, places[i], fed, OutputKind.Values);
                if (r.Values.IsEmpty || !r.Shape.SequenceEqual(q.Shape))
                    continue;
                Energies sums = Energies.Of(r.Values, q.Values);
                signal[i] += sums.Reference;
                noise[i] += sums.Noise;
                comparable[i] = true;
            }

            progress?.Report(new VerificationProgress("profiling layers", sample + 1, samples));
        }

        Dictionary<string, double> sqnr = [];
        for (int i = 0; i < tensors.Count; i++)
        {
            // A tensor that is zero throughout carries no signal to lose.
            if (comparable[i] && signal[i] > 0)
                sqnr[tensors[i]] = Sqnr.FromEnergies(signal[i], noise[i]);
        }

        return [.. tensors.Where(sqnr.ContainsKey).Select(t => Describe(reference.Graph, quantized.Graph, t, mapping[t], sqnr))];
    }

    private static TensorError Describe(Graph reference, Graph quantized, string tensor, string match, Dictionary<string, double> sqnr)
    {
        NodeProto node = reference.Producer(tensor)!;
        List<double> before = [.. MeasuredInputs(reference, node, sqnr, []).Select(t => sqnr[t])];
        double own = sqnr[tensor];
        double? drop = before.Count == 0 || double.IsInfinity(before.Min()) || double.IsInfinity(own) ? null : before.Min() - own;
        return new TensorError
        {
            Tensor = tensor,
            Node = node.Name,
            Op = node.OpType,
            IsQuantized = quantized.Producer(match)?.OpType == "DequantizeLinear",
            SqnrDb = own,
            DropDb = drop,
        };
    }

    /// <summary>The nearest tensors upstream that were measured.</summary>
    private static IEnumerable<string> MeasuredInputs(Graph graph, NodeProto node, Dictionary<string, double> sqnr, HashSet<NodeProto> seen)
    {
        if (!seen.Add(node))
            yield break;
        foreach (string input in node.Input)
        {
            if (sqnr.ContainsKey(input))
            {
                yield return input;
            }
            else if (graph.Producer(input) is { } producer)
            {
                foreach (string found in MeasuredInputs(graph, producer, sqnr, seen))
                    yield return found;
            }
        }
    }
}
