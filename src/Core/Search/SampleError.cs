namespace QuantCluster.Search;

/// <summary>
/// How far one output of a candidate is from the float model's, for one sample: sums from which every objective follows,
/// so that changing the objective repeats no run.
/// </summary>
/// <param name="IsDistribution">Whether the output is a (Log)Softmax over several classes.</param>
/// <param name="Divergence">KL divergence in nats a position, of the output or, where it is none, of its softmax; 0 for a single class.</param>
/// <param name="Squared">Sum of squared differences.</param>
/// <param name="Energy">Sum of the float model's squared values.</param>
/// <param name="QuantizedEnergy">Sum of the candidate's squared values.</param>
/// <param name="Product">Sum of products of both.</param>
/// <param name="TaskLoss">What the task metric falls on this sample; null where the task is unknown, and but for the first output.</param>
/// <param name="Entropy">Mean entropy of the float model's distribution, nats a position, where the output has one for each token of an input; else 0.</param>
internal readonly record struct SampleError(
    bool IsDistribution, double Divergence, double Squared, double Energy, double QuantizedEnergy, double Product, double? TaskLoss = null, double Entropy = 0);
