namespace QuantCluster.Calibration;

/// <summary>How a calibration pass is run. Only <see cref="BlockSize"/> and <see cref="MaxSamples"/> decide the result.</summary>
public sealed record CalibrationSettings
{
    /// <summary>Runs of the model side by side; all share one session. At least 1.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>ONNX Runtime's threads inside one run; 0 for every core.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Samples a block: the unit in which floating-point sums are kept. At least 1.</summary>
    public int BlockSize { get; init; } = 8;

    /// <summary>How many samples from the start of the dataset are used; all by default.</summary>
    public int MaxSamples { get; init; } = int.MaxValue;
}

/// <summary>How far a pass is.</summary>
/// <param name="Samples">Samples done.</param>
/// <param name="TotalSamples">Samples the pass takes.</param>
/// <param name="Values">Tensor elements counted so far.</param>
public readonly record struct CalibrationProgress(int Samples, int TotalSamples, long Values);
