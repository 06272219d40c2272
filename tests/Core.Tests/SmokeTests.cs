using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests;

public class SmokeTests
{
    [Fact]
    public void An_anchor_model_opens_in_ONNX_Runtime()
    {
        OnnxModel model = OnnxModel.Load(Anchors.Model("kws_dscnn_fp32.onnx"));
        using ModelSession session = ModelSession.Create(model, new SessionSettings());
        Assert.Equal("input", Assert.Single(session.Inputs).Name);
    }
}
