namespace QuantCluster.Search.Objectives;

/// <summary>KL divergence of the outputs' distributions, nats a position; of outputs that are none, of their softmax.</summary>
internal sealed class Divergence : IObjective
{
    public string Name => "kl";

    public double[] Errors(IReadOnlyList<SampleError[]> samples) => [.. samples.Select(outputs => outputs.Sum(o => o.Divergence))];
}
