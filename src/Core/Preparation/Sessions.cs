using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>Opens models of any size in ONNX Runtime.</summary>
internal static class Sessions
{
    public static ModelSession Open(OnnxModel model, SessionSettings settings) => ModelSession.Create(model, settings);
}
