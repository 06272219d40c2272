namespace QuantCluster.Search.Objectives;

/// <summary>One less the cosine between the outputs as vectors, summed over outputs; blind to an error of scale alone.</summary>
internal sealed class Cosine : IObjective
{
    public string Name => "cosine";

    public double[] Errors(IReadOnlyList<SampleError[]> samples) => [.. samples.Select(outputs => outputs.Sum(Distance))];

    private static double Distance(SampleError output)
    {
        double lengths = Math.Sqrt(output.Energy) * Math.Sqrt(output.QuantizedEnergy);
        return lengths > 0 ? Math.Max(0, 1 - (output.Product / lengths)) : output.Squared > 0 ? 1 : 0;
    }
}
