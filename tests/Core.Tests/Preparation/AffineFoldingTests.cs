using QuantCluster.Onnx;

namespace QuantCluster.Tests.Preparation;

public class AffineFoldingTests
{
    [Fact]
    public void A_scalar_Mul_and_Add_after_a_convolution_become_part_of_it()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Models.Noise("scale", 1), Models.Noise("shift", 1)],
            Nodes.Create("Conv", "conv", ["x", "w"], ["c"], Nodes.Ints("pads", 1, 1, 1, 1)),
            Nodes.Create("Mul", "mul", ["scale", "c"], ["m"]),
            Nodes.Create("Add", "add", ["m", "shift"], ["y"]));
        Rewriting.Check(model, Models.Sample(2, 3, 6, 6), "Conv");
    }

    [Fact]
    public void A_Mul_and_Add_before_an_unpadded_convolution_become_part_of_it()
    {
        OnnxModel model = Models.Create(13, [-1, 4, 6, 6],
            [Models.Noise("w", 4, 2, 3, 3), Models.Noise("scale", 1, 4, 1, 1), Models.Noise("shift", 4, 1, 1)],
            Nodes.Create("Mul", "mul", ["x", "scale"], ["m"]),
            Nodes.Create("Sub", "sub", ["m", "shift"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"], Nodes.Int("group", 2)));
        Rewriting.Check(model, Models.Sample(2, 4, 6, 6), "Conv");
    }

    [Fact]
    public void A_shift_before_a_padded_convolution_stays()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Models.Noise("shift", 1)],
            Nodes.Create("Add", "add", ["x", "shift"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"], Nodes.Ints("pads", 1, 1, 1, 1)));
        Rewriting.Check(model, Models.Sample(1, 3, 6, 6), "Add", "Conv");
    }

    [Fact]
    public void A_constant_that_widens_the_tensor_is_not_folded()
    {
        // [N, 1, 6, 6] · [1, 3, 1, 1] makes three channels of one.
        OnnxModel model = Models.Create(13, [-1, 1, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Models.Noise("scale", 1, 3, 1, 1)],
            Nodes.Create("Mul", "mul", ["x", "scale"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"]));
        Rewriting.Check(model, Models.Sample(1, 1, 6, 6), "Mul", "Conv");
    }

    [Fact]
    public void Weights_that_two_layers_share_are_changed_only_for_the_one_that_takes_the_factor()
    {
        OnnxModel model = Models.Create(13, [-1, 4],
            [Models.Noise("w", 4, 4), Models.Noise("scale", 4)],
            Nodes.Create("MatMul", "first", ["x", "w"], ["a"]),
            Nodes.Create("Mul", "mul", ["a", "scale"], ["b"]),
            Nodes.Create("Relu", "relu", ["b"], ["c"]),
            Nodes.Create("MatMul", "second", ["c", "w"], ["y"]));
        Rewriting.Check(model, Models.Sample(3, 4), "MatMul", "Relu", "MatMul");
    }

    [Fact]
    public void A_BatchNormalization_before_a_Gemm_becomes_part_of_it()
    {
        OnnxModel model = Models.Create(13, [-1, 5],
            [Models.Noise("w", 3, 5), Models.Noise("g", 5), Models.Noise("be", 5), Models.Noise("mea", 5), Tensors.FromFloats("v", [5], [1, 2, 3, 4, 5])],
            Nodes.Create("BatchNormalization", "norm", ["x", "g", "be", "mea", "v"], ["n"]),
            Nodes.Create("Gemm", "gemm", ["n", "w"], ["y"], Nodes.Int("transB", 1)));
        Rewriting.Check(model, Models.Sample(4, 5), "Gemm");
    }

    [Fact]
    public void A_scale_and_shift_before_a_padded_convolution_become_one_shift()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Tensors.FromFloats("six", [], [6]), Tensors.FromFloats("scale", [1], [1.5f]), Models.Noise("shift", 1)],
            Nodes.Create("Relu", "relu", ["x"], ["r"]),
            Nodes.Create("Div", "div", ["r", "six"], ["d"]),
            Nodes.Create("Mul", "mul", ["scale", "d"], ["m"]),
            Nodes.Create("Add", "add", ["m", "shift"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"], Nodes.Ints("pads", 1, 1, 1, 1)));
        Rewriting.Check(model, Models.Sample(1, 3, 6, 6), "Relu", "Add", "Conv");
    }

    [Fact]
    public void A_tensor_that_is_also_an_output_keeps_its_value()
    {
        OnnxModel model = Models.Create(13, [-1, 4],
            [Models.Noise("w", 4, 4), Models.Noise("scale", 4)],
            Nodes.Create("Mul", "mul", ["x", "scale"], ["m"]),
            Nodes.Create("MatMul", "linear", ["m", "w"], ["y"]));
        model.Proto.Graph.Output.Add(new QuantCluster.Onnx.Protocol.ValueInfoProto { Name = "m" });
        model.Graph.Reindex();
        Rewriting.Check(model, Models.Sample(3, 4), "Mul", "MatMul");
    }
}
