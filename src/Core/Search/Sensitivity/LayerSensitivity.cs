using QuantCluster.Planning;

namespace QuantCluster.Search.Sensitivity;

/// <summary>What the quantization of one layer costs the whole model, seen from both ends.</summary>
/// <param name="Id">The layer's id (<see cref="Layer.Id"/>): what <see cref="PlanSettings.KeepFloat"/> takes.</param>
/// <param name="Node">The node's name, for people.</param>
/// <param name="OpType">Conv, Gemm or MatMul.</param>
/// <param name="MultiplyAccumulates">Of one sample.</param>
/// <param name="Parameters">Elements of the weight.</param>
/// <param name="OnlyThis">Mean error of the model in which this layer alone is quantized.</param>
/// <param name="OnlyThisStandardError">Standard error of that mean over the samples.</param>
/// <param name="AllButThis">Mean error of the model in which every layer but this one is quantized.</param>
/// <param name="AllButThisStandardError">Standard error of that mean over the samples.</param>
/// <param name="Relief">
/// Error of the model with all layers quantized less <paramref name="AllButThis"/>: what leaving this layer float
/// gains. Negative where errors cancel, and the model is worse without this layer's.
/// </param>
/// <param name="ReliefStandardError">Standard error of that gain, paired over the samples.</param>
public sealed record LayerSensitivity(
    string Id,
    string Node,
    string OpType,
    long MultiplyAccumulates,
    long Parameters,
    double OnlyThis,
    double OnlyThisStandardError,
    double AllButThis,
    double AllButThisStandardError,
    double Relief,
    double ReliefStandardError)
{
    internal static LayerSensitivity Of(Layer layer, double[] onlyThis, double[] allButThis, double[] all)
    {
        MeanError only = MeanError.Of(onlyThis), but = MeanError.Of(allButThis);
        PairedGain relief = PairedGain.Of(all, allButThis);
        return new LayerSensitivity(
            layer.Id, layer.Node, layer.OpType, layer.MultiplyAccumulates, layer.Parameters,
            only.Mean, only.StandardError, but.Mean, but.StandardError, relief.Mean, relief.StandardError);
    }
}
