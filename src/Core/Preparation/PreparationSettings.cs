namespace QuantCluster.Preparation;

/// <summary>Settings of <see cref="Preparer"/>.</summary>
public sealed record PreparationSettings
{
    /// <summary>The lowest version of the default operator set that QDQ models need: per-channel DequantizeLinear came with 13.</summary>
    public const long MinimumOpset = 13;

    /// <summary>Kinds of rewrites (<see cref="RewriteReport.Name"/>) to leave out.</summary>
    public IReadOnlyCollection<string> Disabled { get; init; } = [];

    /// <summary>
    /// How far an output of the prepared model may lie from the original's: max |a − b| ≤ tolerance · max |a|
    /// over each output of each sample. Outputs that are not floating point must be equal. A model that ONNX Runtime's
    /// own default optimization moves further is allowed twice that.
    /// </summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>Threads of the check runs; 0 takes every core. Results depend on it only within rounding.</summary>
    public int Threads { get; init; } = 1;
}
