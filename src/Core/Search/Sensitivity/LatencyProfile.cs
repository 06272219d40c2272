namespace QuantCluster.Search.Sensitivity;

/// <summary>One layer's time in both models, conversions beside it included.</summary>
/// <param name="Id">The layer's id.</param>
/// <param name="FloatMs">Median milliseconds in the float model; null where no kernel is the layer's alone.</param>
/// <param name="IntegerMs">Median milliseconds in the model with all layers quantized; null likewise.</param>
public sealed record LayerLatency(string Id, double? FloatMs, double? IntegerMs)
{
    /// <summary>Milliseconds gained by quantizing the layer; negative where it is slower in integers.</summary>
    public double? GainMs => FloatMs - IntegerMs;
}

/// <summary>Where the time of one run goes, in kernels.</summary>
/// <param name="Threads">Threads of a run.</param>
/// <param name="Runs">Timed runs of each model, in turn.</param>
/// <param name="FloatMs">Sum of all kernels' medians of the float model.</param>
/// <param name="IntegerMs">Sum of all kernels' medians of the model with all layers quantized.</param>
/// <param name="Layers">In graph order.</param>
public sealed record LatencyProfile(int Threads, int Runs, double FloatMs, double IntegerMs, IReadOnlyList<LayerLatency> Layers);
