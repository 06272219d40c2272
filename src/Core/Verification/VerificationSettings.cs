using QuantCluster.Onnx;

namespace QuantCluster.Verification;

/// <summary>How thoroughly to verify. The errors' bits depend on none of <see cref="Workers"/> and <see cref="Threads"/>.</summary>
public sealed record VerificationSettings
{
    /// <summary>Samples of one block: sums are kept a block and merged in block order.</summary>
    public const int BlockSize = 16;

    /// <summary>Blocks compared at the same time.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Threads inside one run while comparing; 0 takes every core.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Only the first so many samples; null for all.</summary>
    public int? MaximumSamples { get; init; }

    /// <summary>Samples for the error profile by tensor; 0 leaves the profile out.</summary>
    public int ProfileSamples { get; init; } = 4;

    /// <summary>
    /// The float model the quantized one was made of, for the profile; null takes the original. After exact rewrites it has
    /// more tensors in common with the quantized model.
    /// </summary>
    public OnnxModel? ProfileReference { get; init; }

    /// <summary>Which quantized tensor stands for which float tensor; null finds out from names.</summary>
    public IReadOnlyDictionary<string, string>? TensorMapping { get; init; }

    /// <summary>Null leaves latency out.</summary>
    public LatencySettings? Latency { get; init; } = new();
}

/// <summary>How long latency is measured.</summary>
public sealed record LatencySettings
{
    /// <summary>Numbers of threads to measure with, 0 for every core.</summary>
    public IReadOnlyList<int> Threads { get; init; } = [1, 0];

    /// <summary>Time to spend a number of threads, warm-up apart.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// A third of the time is enough where the interval of the speedup then leaves this factor to equally fast; infinity never ends
    /// it early.
    /// </summary>
    public double Clear { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// Where the median speedup of neighbouring runs is within this factor of equally fast when the time is over, measuring goes on,
    /// up to four times as long; 1 never does.
    /// </summary>
    public double Close { get; init; } = 1;

    /// <summary>Runs of each model at least, however long they take.</summary>
    public int MinimumRuns { get; init; } = 11;

    /// <summary>Runs of each model at most.</summary>
    public int MaximumRuns { get; init; } = 2000;
}

/// <summary>How far verification is.</summary>
/// <param name="Stage">What is being done, e.g. <c>comparing outputs</c>.</param>
/// <param name="Done">Samples or steps done.</param>
/// <param name="Total">Of how many.</param>
public readonly record struct VerificationProgress(string Stage, int Done, int Total);
