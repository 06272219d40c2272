using QuantCluster.Emission;
using QuantCluster.Tests.Planning;
using QuantCluster.Verification;

namespace QuantCluster.Tests.Verification;

public class TensorMatchingTests
{
    [Fact]
    public void A_tensor_is_matched_with_what_the_rest_of_the_model_reads()
    {
        Network network = new();
        string relu = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string tanh = network.Node("Tanh", "t", [relu]);
        string back = network.Node("Tanh", "u", [network.Conv("b", tanh, 8, 8)]);
        Flow flow = Flow.Of(network.Build(network.Node("Sub", "y", [back, tanh])));
        IReadOnlyDictionary<string, string> matches = TensorMatching.ByName(flow.Model, flow.Emit());

        Assert.Equal(Emitter.DequantizedName("r"), matches["r"]);
        Assert.Equal("t", matches["t"]);
        Assert.DoesNotContain("a", matches.Keys);
    }

    [Fact]
    public void Masked_scores_are_left_out()
    {
        Network network = new();
        string scores = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8);
        string masked = network.Node("Add", "masked", [scores, scores]);
        Flow flow = Flow.Of(network.Build(network.Node("Softmax", "y", [masked])));
        IReadOnlyDictionary<string, string> matches = TensorMatching.ByName(flow.Model, flow.Model);

        Assert.DoesNotContain("masked", matches.Keys);
        Assert.Contains("a", matches.Keys);
    }
}
