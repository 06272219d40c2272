using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>Every constant tensor of a model, wherever it stands: initializers, attributes, subgraphs, functions.</summary>
internal static class ModelTensors
{
    public static IEnumerable<TensorProto> Of(ModelProto model) =>
        Of(model.Graph).Concat(model.Functions.SelectMany(f => f.Node.SelectMany(Of)));

    private static IEnumerable<TensorProto> Of(GraphProto graph) => graph.Initializer
        .Concat(graph.SparseInitializer.SelectMany(Of))
        .Concat(graph.Node.SelectMany(Of));

    private static IEnumerable<TensorProto> Of(NodeProto node) => node.Attribute.SelectMany(Of);

    private static IEnumerable<TensorProto> Of(AttributeProto attribute)
    {
        IEnumerable<TensorProto> tensors = attribute.Tensors.Concat(attribute.SparseTensors.SelectMany(Of)).Concat(attribute.Graphs.SelectMany(Of));
        if (attribute.T is not null)
            tensors = tensors.Prepend(attribute.T);
        if (attribute.SparseTensor is not null)
            tensors = tensors.Concat(Of(attribute.SparseTensor));
        return attribute.G is null ? tensors : tensors.Concat(Of(attribute.G));
    }

    private static IEnumerable<TensorProto> Of(SparseTensorProto sparse)
    {
        if (sparse.Values is not null)
            yield return sparse.Values;
        if (sparse.Indices is not null)
            yield return sparse.Indices;
    }
}
