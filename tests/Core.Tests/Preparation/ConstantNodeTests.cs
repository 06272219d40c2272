using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Preparation;

namespace QuantCluster.Tests.Preparation;

public class ConstantNodeTests
{
    [Fact]
    public void Weights_in_Constant_nodes_become_initializers_though_nothing_is_folded()
    {
        float[] values = [.. Enumerable.Range(0, 12).Select(i => (i - 5) / 7f)];
        GraphProto graph = new() { Name = "constant" };
        graph.Input.Add(Vector("x", 4));
        graph.Output.Add(Vector("y", 3));
        graph.Node.Add(Nodes.Create("Constant", "weights", [], ["w"], new AttributeProto
        {
            Name = "value",
            Type = AttributeProto.Types.AttributeType.Tensor,
            T = Tensors.FromFloats("", [4, 3], values),
        }));
        graph.Node.Add(Nodes.Create("MatMul", "product", ["x", "w"], ["y"]));
        ModelProto proto = new() { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });

        Sample sample = new(0, new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats([1, 4], [1, -2, 3, 0.5f]) });
        PreparedModel prepared = Preparer.Prepare(OnnxModel.FromProto(proto), sample, new PreparationSettings { Disabled = ["fold-by-onnx-runtime"] });

        Assert.Equal(["MatMul"], prepared.Model.Graph.Nodes.Select(n => n.OpType));
        Assert.Equal(values, prepared.Model.Graph.Initializer("w")!.ToFloats());
    }

    private static ValueInfoProto Vector(string name, long length)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = length });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = shape } } };
    }
}
