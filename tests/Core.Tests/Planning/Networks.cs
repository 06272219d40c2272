using QuantCluster.Onnx;

namespace QuantCluster.Tests.Planning;

/// <summary>Networks that several features are tried on.</summary>
internal static class Networks
{
    /// <summary>A chain of equal convolutions [32, 32, 3, 3] with their ReLUs, and a Tanh that gives the output y.</summary>
    public static OnnxModel OfConvolutions(params string[] layers)
    {
        Network network = new(6);
        string x = network.Input("x", 1, 32, 8, 8);
        foreach (string layer in layers)
            x = network.Relu(layer + ".relu", network.Conv(layer, x, 32, 32));
        return network.Build(network.Node("Tanh", "y", [x]));
    }

    /// <summary>Three products in a chain, a, b and c; a and b read one weight.</summary>
    public static OnnxModel OfSharedWeight()
    {
        Network network = new(8);
        string x = network.Input("x", 1, 6, 48), weight = network.Weight("shared", 0.2, 48, 48);
        string a = network.Node("Tanh", "ta", [network.Node("MatMul", "a", [x, weight])]);
        string b = network.Node("Tanh", "tb", [network.Node("MatMul", "b", [a, weight])]);
        return network.Build(network.Node("Tanh", "y", [network.MatMul("c", b, 48, 48)]));
    }
}
