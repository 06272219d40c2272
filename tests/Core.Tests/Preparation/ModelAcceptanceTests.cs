using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Preparation;

namespace QuantCluster.Tests.Preparation;

public class ModelAcceptanceTests
{
    [Fact]
    public void An_operator_of_an_unknown_domain_is_named()
    {
        NodeProto node = Nodes.Create("FancyConv", "block1/conv", ["x"], ["y"]);
        node.Domain = "my.company";
        Refuses(Models.Create(13, [1, 4], [], node),
            "node block1/conv (FancyConv): ONNX Runtime has no operators of the domain 'my.company'. Export the model without custom operators.");
    }

    [Fact]
    public void A_quantized_model_is_not_quantized_again() => Refuses(
        Models.Create(13, [1, 4], [Tensors.FromFloats("s", [], [0.1f]), Tensors.FromBytes("z", ElementType.UInt8, [], [0])],
            Nodes.Create("QuantizeLinear", "quantize", ["x", "s", "z"], ["q"]),
            Nodes.Create("DequantizeLinear", "dequantize", ["q", "s", "z"], ["y"])),
        "node quantize (QuantizeLinear): the model is quantized already. Start from the float model it was made of.");

    [Fact]
    public void A_model_of_opset_6_is_refused() => Refuses(
        Models.Create(6, [1, 4], [], Nodes.Create("Relu", "relu", ["x"], ["y"])),
        "the model uses opset 6; opsets before 7 cannot be upgraded. Export it again with opset 13 or later.");

    [Fact]
    public void An_operator_that_cannot_be_upgraded_is_named() => Refuses(
        Models.Create(7, [1, 2, 3], [.. Enumerable.Range(0, 4).Select(i => Models.Noise($"p{i}", 6))],
            Nodes.Create("BatchNormalization", "odd", ["x", "p0", "p1", "p2", "p3"], ["y"], Nodes.Int("spatial", 0))),
        "node odd (BatchNormalization): cannot be upgraded to opset 9: it normalises each position on its own (spatial = 0), which later versions cannot express. Export the model with opset 13 or later.",
        run: false);

    private static void Refuses(OnnxModel model, string message, bool run = true)
    {
        QuantException error = Assert.Throws<QuantException>(() =>
        {
            if (run)
                Preparer.Prepare(model, Models.Sample(1, 4), new PreparationSettings());
            else
                QuantCluster.Preparation.Upgrading.OpsetUpgrader.Upgrade(model, PreparationSettings.MinimumOpset, new Dictionary<string, KnownTensor>());
        });
        Assert.Equal(message, error.Message);
        Assert.Equal(ExitCode.BadModel, error.Code);
    }
}
