using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Sensitivity;

/// <summary>Small networks whose costly layers are known.</summary>
internal static class SensitivityNetworks
{
    /// <summary>Four convolutions, a to d, and a classifier; distributions come out.</summary>
    /// <param name="outlier">By how much one channel between a and b is larger than the others, and its weights in b smaller.</param>
    public static OnnxModel Chain(float outlier = 1)
    {
        Network network = new(seed: 5);
        string at = network.Input("x", 1, 4, 8, 8);
        foreach ((string name, int from) in new[] { ("a", 4), ("b", 8), ("c", 8), ("d", 8) })
            at = network.Relu(name + ".relu", network.Conv(name, at, from, 8));
        at = network.Node("GlobalAveragePool", "pool", [at]);
        at = network.Node("Flatten", "flat", [at]);
        at = network.Gemm("classify", at, 8, 6);
        at = network.Node("Softmax", "scores", [at]);
        Scale(network, "a.w", 0, 4 * 9, outlier);
        Scale(network, "a.b", 0, 1, outlier);
        for (int o = 0; o < 8; o++)
            Scale(network, "b.w", o * 8 * 9, 9, 1 / outlier);
        return network.Build(at);
    }

    public static OnnxModel SingleLayer()
    {
        Network network = new();
        return network.Build(network.Gemm("only", network.Input("x", 3, 24), 24, 6));
    }

    private static void Scale(Network network, string weight, int first, int count, float factor)
    {
        TensorProto tensor = network.Proto.Graph.Initializer.Single(i => i.Name == weight);
        float[] values = tensor.ToFloats();
        foreach (ref float value in values.AsSpan(first, count))
            value *= factor;
        tensor.MergeFrom(new TensorProto { RawData = Tensors.FromFloats(weight, tensor.Dims, values).RawData });
    }
}
