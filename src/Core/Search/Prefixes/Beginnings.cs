using System.Globalization;
using System.Runtime.InteropServices;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Search.Prefixes;

/// <summary>
/// Names the beginnings of candidates without making them: two that have a name in common run the same up to that cut,
/// but for what layers behind it may change at the cut itself. Good enough to say who should run them. Thread-safe.
/// </summary>
internal sealed class Beginnings
{
    private readonly HashSet<string>[] _behind;

    /// <param name="prepared">The float model.</param>
    /// <param name="cuts">Its tensors, in graph order (<see cref="ModelCuts"/>).</param>
    public Beginnings(OnnxModel prepared, IReadOnlyList<string> cuts)
    {
        string[] inputs = [.. prepared.Graph.RequiredInputs.Select(i => i.Name)];
        _behind = [.. cuts.Select(cut => Pieces.Behind(prepared, [cut], "").SelectMany(n => n.Output).Concat(inputs).ToHashSet())];
    }

    /// <summary>A candidate's beginnings, the longest first; none where the model has no cuts.</summary>
    /// <param name="nameOf">Equal names, equal weights.</param>
    public IReadOnlyList<string> Of(Trial trial, Func<QuantizedWeight, string> nameOf)
    {
        string[] names = new string[_behind.Length];
        for (int c = 0; c < names.Length; c++)
        {
            HashSet<string> behind = _behind[c];
            using ContentHash hash = new();
            hash.Add(c);
            foreach (QuantizationPoint point in trial.Plan.Points.Where(p => behind.Contains(p.Tensor)))
            {
                AffineMapping mapping = trial.Configuration.Activations[point.Tensor];
                hash.Add(string.Create(CultureInfo.InvariantCulture, $"{point.Tensor} {mapping.Scale:R} {mapping.ZeroPoint} {mapping.Type}"));
            }

            foreach (Layer layer in trial.Plan.Layers.Where(l => behind.Contains(l.Id)))
            {
                hash.Add(layer.Id).Add(nameOf(trial.Configuration.Weights[layer.Id]));
                if (trial.Configuration.Biases.TryGetValue(layer.Id, out float[]? bias))
                    hash.Add(MemoryMarshal.AsBytes<float>(bias));
            }

            foreach ((string layer, QuantizedWeight weight) in trial.Configuration.WeightOnly.Where(w => behind.Contains(w.Key)).OrderBy(w => w.Key, StringComparer.Ordinal))
                hash.Add($"stored {layer}").Add(MemoryMarshal.AsBytes<float>(weight.Scales));

            names[^(c + 1)] = hash.Finish();
        }

        return names;
    }
}
