namespace QuantCluster.Search.Sensitivity;

/// <summary>One layer's time in both models, conversions beside it included.</summary>
/// <param name="Id">The layer's id.</param>
/// <param name="FloatMs">Typical milliseconds in the float model; null where no kernel is the layer's alone.</param>
/// <param name="IntegerMs">Typical milliseconds in the model with all layers quantized; null likewise.</param>
public sealed record LayerLatency(string Id, double? FloatMs, double? IntegerMs)
{
    /// <summary>Milliseconds gained by quantizing the layer; negative where it is slower in integers.</summary>
    public double? GainMs => FloatMs - IntegerMs;

    /// <summary>What of <see cref="IntegerMs"/> goes into conversions beside the layer's kernel; null for nothing.</summary>
    public double? ConversionMs { get; init; }
}

/// <summary>Where the time of one run goes, in kernels.</summary>
/// <param name="Threads">Threads of a run.</param>
/// <param name="Runs">Timed runs of each model, in turn.</param>
/// <param name="FloatMs">Sum of all kernels' typical times of the float model.</param>
/// <param name="IntegerMs">Sum of all kernels' typical times of the model with all layers quantized.</param>
/// <param name="Layers">In graph order.</param>
public sealed record LatencyProfile(int Threads, int Runs, double FloatMs, double IntegerMs, IReadOnlyList<LayerLatency> Layers);
