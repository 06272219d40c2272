using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>What <c>--effort fast</c> gives, as choices.</summary>
internal static class FastStart
{
    /// <summary>Every layer on integers; corrected where the start's numbers are not those that the builder gives.</summary>
    /// <param name="start">For the builder's plan.</param>
    public static SearchConfiguration Of(TrialBuilder builder, QuantizationConfiguration start)
    {
        SearchConfiguration configuration = builder.All();
        QuantizationConfiguration bare = builder.Build(configuration).Configuration;
        foreach (Layer layer in builder.Plan.Layers)
        {
            QuantizedWeight weight = start.Weights[layer.Id];
            bool rounded = !weight.Values.AsSpan().SequenceEqual(bare.Weights[layer.Id].Values);
            if (!rounded && weight.Scales.AsSpan().SequenceEqual(bare.Weights[layer.Id].Scales) && !start.Biases.ContainsKey(layer.Id))
                continue;
            LayerCorrection corrections = (rounded ? LayerCorrection.Rounding : LayerCorrection.None)
                | (start.Biases.ContainsKey(layer.Id) ? LayerCorrection.Bias : LayerCorrection.None);
            configuration = configuration.With(layer.Id, builder.Standard.With(corrections, new CorrectedLayer(weight, start.Biases.GetValueOrDefault(layer.Id))));
        }

        return configuration;
    }
}
