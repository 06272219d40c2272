using QuantCluster.Onnx;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

/// <summary>Small networks of matrix products whose inputs have channels of very different size.</summary>
internal static class Transformers
{
    public const int Width = 16;

    public static Coarse.Samples Data(int count) => new(count, _ => [1, 6, Width], _ => 0);

    /// <summary>Normalization → query, key, value → attention with shared values → output layer.</summary>
    /// <param name="normalization">LayerNormalization as one node, "decomposed" into a product and a sum behind it, or "affine" ones alone.</param>
    public static OnnxModel Attention(string normalization, bool residual = false)
    {
        Network network = new(11);
        string x = network.Input("x", 1, 6, Width), n = Normalize(network, x, normalization);
        string Heads(string name, int heads) => network.Node("Transpose", name + "_t",
            [network.Reshape(name + "_r", network.Bias(name + "_b", network.MatMul(name, n, Width, heads * 4), heads * 4), 1, 6, heads, 4)], Nodes.Ints("perm", 0, 2, 1, 3));
        string Twice(string name, string input) => network.Reshape(name + "_both",
            network.Node("Tile", name + "_tile", [network.Node("Unsqueeze", name + "_u", [input, network.Integers(name + "_axis", 2)]), network.Integers(name + "_times", 1, 1, 2, 1, 1)]), 1, 4, 6, 4);
        string query = Heads("q", 4), key = Twice("k", Heads("k", 2)), value = Twice("v", Heads("v", 2));
        string scores = network.Node("Softmax", "softmax", [network.Node("MatMul", "scores", [query, network.Node("Transpose", "keys", [key], Nodes.Ints("perm", 0, 1, 3, 2))])], Nodes.Int("axis", -1));
        string mixed = network.Node("Transpose", "mixed_t", [network.Node("MatMul", "mixed", [scores, value])], Nodes.Ints("perm", 0, 2, 1, 3));
        string y = network.Bias("sum", network.MatMul("out", network.Reshape("joined", mixed, 1, 6, Width), Width, Width), Width);
        return network.Build(residual ? network.Node("Add", "y", [y, n]) : network.Node("Tanh", "y", [y]));
    }

    /// <summary>Normalization → (SiLU(gate) · up) → down, and a Relu network behind it.</summary>
    public static OnnxModel Gated()
    {
        Network network = new(12);
        string n = Normalize(network, network.Input("x", 1, 6, Width), "affine");
        string gate = network.MatMul("gate", n, Width, 24), up = network.MatMul("up", n, Width, 24);
        string silu = network.Node("Mul", "silu", [gate, network.Node("Sigmoid", "sigmoid", [gate])]);
        string down = network.MatMul("down", network.Node("Mul", "gated", [silu, up]), 24, Width);
        string hidden = network.Relu("relu", network.Bias("hidden_b", network.MatMul("hidden", network.Node("Tanh", "tanh", [down]), Width, 24), 24));
        return network.Build(network.Bias("y", network.MatMul("last", hidden, 24, 8), 8));
    }

    /// <summary>Pictures → Conv → Reshape, all float behind it.</summary>
    public static OnnxModel Patches()
    {
        Network network = new(13);
        string x = network.Conv("patches", network.Input("x", 1, 3, 8, 8), 3, 12, kernel: 3);
        return network.Build(network.Node("Tanh", "y", [network.Node("Mul", "scaled", [network.Reshape("flat", x, 1, 12, 64), network.Scalar("half", 0.5f)])]));
    }

    private static string Normalize(Network network, string x, string normalization)
    {
        // Two channels ten times as large as the others.
        float[] gamma = [.. Enumerable.Range(0, Width).Select(i => i is 3 or 9 ? 12f : 0.4f + (0.05f * i))];
        string scale = network.Constant(Tensors.FromFloats("gamma", [Width], gamma)), shift = network.Weight("beta", 0.2, Width);
        return normalization switch
        {
            "LayerNormalization" => network.Node("LayerNormalization", "n", [x, scale, shift], Nodes.Int("axis", -1)),
            "decomposed" => network.Node("Add", "n", [network.Node("Mul", "n_scaled", [
                network.Node("Div", "n_div", [x, network.Node("Sqrt", "n_sqrt", [network.Node("ReduceMean", "n_mean", [network.Node("Mul", "n_square", [x, x])], Nodes.Ints("axes", -1))])]), scale]), shift]),
            _ => network.Node("Add", "n", [network.Node("Mul", "n_scaled", [x, scale]), shift]),
        };
    }
}
