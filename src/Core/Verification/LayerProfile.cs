using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Verification;

/// <summary>Where the error enters: SQNR of every tensor both models have, in graph order.</summary>
public static class LayerProfile
{
    /// <summary>Tensors looked at in one run: all at once would hold every activation of both models in memory.</summary>
    private const int GroupSize = 64;

    /// <param name="reference">The float model (as prepared).</param>
    /// <param name="quantized">The quantized model.</param>
    /// <param name="mapping">Float tensor to the float tensor that stands for it in the quantized model (dequantized, or never quantized).</param>
    /// <param name="data">Samples; the first <paramref name="samples"/> are used.</param>
    /// <param name="samples">How many; one at a time is in memory.</param>
    /// <param name="progress">Told after every group of tensors.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    public static IReadOnlyList<TensorError> Measure(
        OnnxModel reference, OnnxModel quantized, IReadOnlyDictionary<string, string> mapping, IDataset data, int samples, IProgress<VerificationProgress>? progress = null, CancellationToken cancellation = default)
    {
        List<string> tensors = [.. reference.Graph.Nodes.SelectMany(n => n.Output).Where(mapping.ContainsKey)];
        if (tensors.Count == 0)
            return [];

        double[] signal = new double[tensors.Count], noise = new double[tensors.Count];
        int groups = (tensors.Count + GroupSize - 1) / GroupSize;
        for (int group = 0; group < groups; group++)
        {
            int start = group * GroupSize, count = Math.Min(GroupSize, tensors.Count - start);
            AddGroup(reference, quantized, mapping, tensors.GetRange(start, count), data, samples, signal.AsSpan(start, count), noise.AsSpan(start, count), cancellation);
            progress?.Report(new VerificationProgress("profiling layers", group + 1, groups));
        }

        Dictionary<string, double> sqnr = [];
        for (int i = 0; i < tensors.Count; i++)
        {
            // A tensor that is zero throughout carries no signal to lose.
            if (signal[i] > 0)
                sqnr[tensors[i]] = Sqnr.FromEnergies(signal[i], noise[i]);
        }

        return [.. tensors.Where(sqnr.ContainsKey).Select(t => Describe(reference.Graph, quantized.Graph, t, mapping[t], sqnr))];
    }

    /// <summary>Adds Σ ref² and Σ (ref − q)² of the tensors; integer tensors and those whose shapes differ in more than channels added stay at 0.</summary>
    private static void AddGroup(
        OnnxModel reference, OnnxModel quantized, IReadOnlyDictionary<string, string> mapping, List<string> tensors, IDataset data, int samples, Span<double> signal, Span<double> noise, CancellationToken cancellation)
    {
        string[] mapped = [.. tensors.Select(t => mapping[t]).Distinct()];
        using SessionPair pair = SessionPair.Open(
            () => ModelSession.Create(TensorProbe.WithOutputs(reference, tensors), new SessionSettings { Prepacks = !reference.IsLarge }),
            () => ModelSession.Create(TensorProbe.WithOutputs(quantized, mapped), new SessionSettings()),
            inTurn: reference.IsLarge);
        for (int sample = 0; sample < samples; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            Sample fed = data.Read(sample);
            using RunResult left = pair.Reference.Run(fed, tensors);
            using RunResult right = pair.Quantized.Run(fed, mapped);
            for (int i = 0; i < tensors.Count; i++)
            {
                int place = right.IndexOf(mapping[tensors[i]]);
                if (!OutputReader.IsFloat(left.TypeOf(i)) || !OutputReader.IsFloat(right.TypeOf(place)))
                    continue;
                OutputView r = OutputReader.Read(left, i, fed, OutputKind.Values);
                OutputView q = OutputReader.Read(right, place, fed, OutputKind.Values);
                if (r.Values.IsEmpty || !IsSameButForChannels(r.Shape, q.Shape))
                    continue;
                int images = r.Shape.SequenceEqual(q.Shape) ? 1 : (int)r.Shape[0];
                for (int image = 0; image < images; image++)
                {
                    int length = r.Values.Length / images;
                    Energies sums = Energies.Of(r.Values.Slice(image * length, length), q.Values.Slice(image * (q.Values.Length / images), length));
                    signal[i] += sums.Reference;
                    noise[i] += sums.Noise;
                }
            }
        }
    }

    /// <summary>An image of the quantized model may have channels behind the float model's that hold nothing.</summary>
    private static bool IsSameButForChannels(ReadOnlySpan<long> reference, ReadOnlySpan<long> quantized) =>
        reference.SequenceEqual(quantized) || (reference.Length == 4 && quantized.Length == 4 && quantized[1] > reference[1]
            && quantized[0] == reference[0] && quantized[2..].SequenceEqual(reference[2..]));

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
