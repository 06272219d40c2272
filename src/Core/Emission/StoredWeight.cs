using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission;

/// <summary>
/// The form in which the weight of a layer that computes in float is kept as integers: integers → Cast to float → Mul by
/// the channels' scales. ONNX Runtime folds both into a float constant when it loads the model, and then runs the kernels
/// of the float model. DequantizeLinear is no such form: ONNX Runtime does not fold it, it dequantizes a convolution's
/// weights in every run, and makes a MatMul a slower MatMulNBits.
/// </summary>
internal static class StoredWeight
{
    /// <summary>The integers behind a tensor of that form; null where it is not.</summary>
    public static TensorProto? Of(Graph graph, string tensor) =>
        graph.Producer(tensor) is { } product && product.IsStandard("Mul") && product.Input.Count == 2 && graph.Initializer(product.Input[1]) is not null
        && graph.Producer(product.Input[0]) is { } cast && cast.IsStandard("Cast") && graph.Initializer(cast.Input[0]) is { } integers
        && integers.ElementType() is ElementType.Int8 or ElementType.Int4
            ? integers
            : null;

    /// <summary>Dimensions with which scales stand along their axis of a weight.</summary>
    public static IReadOnlyList<long> ScaleShape(IReadOnlyList<long> shape, QuantizedWeight weight) =>
        weight.Axis < 0 ? [] : [.. shape.Select((d, i) => i == weight.Axis ? d : 1)];
}
