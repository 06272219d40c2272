using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Preparation;

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
        Check(model, Models.Sample(2, 3, 6, 6), "Conv");
    }

    [Fact]
    public void A_Mul_and_Add_before_an_unpadded_convolution_become_part_of_it()
    {
        OnnxModel model = Models.Create(13, [-1, 4, 6, 6],
            [Models.Noise("w", 4, 2, 3, 3), Models.Noise("scale", 1, 4, 1, 1), Models.Noise("shift", 4, 1, 1)],
            Nodes.Create("Mul", "mul", ["x", "scale"], ["m"]),
            Nodes.Create("Sub", "sub", ["m", "shift"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"], Nodes.Int("group", 2)));
        Check(model, Models.Sample(2, 4, 6, 6), "Conv");
    }

    [Fact]
    public void A_shift_before_a_padded_convolution_stays()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Models.Noise("shift", 1)],
            Nodes.Create("Add", "add", ["x", "shift"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"], Nodes.Ints("pads", 1, 1, 1, 1)));
        Check(model, Models.Sample(1, 3, 6, 6), "Add", "Conv");
    }

    [Fact]
    public void A_constant_that_widens_the_tensor_is_not_folded()
    {
        // [N, 1, 6, 6] · [1, 3, 1, 1] makes three channels of one.
        OnnxModel model = Models.Create(13, [-1, 1, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Models.Noise("scale", 1, 3, 1, 1)],
            Nodes.Create("Mul", "mul", ["x", "scale"], ["s"]),
            Nodes.Create("Conv", "conv", ["s", "w"], ["y"]));
        Check(model, Models.Sample(1, 1, 6, 6), "Mul", "Conv");
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
        Check(model, Models.Sample(3, 4), "MatMul", "Relu", "MatMul");
    }

    private static void Check(OnnxModel model, Sample sample, params string[] operators)
    {
        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings());
        Assert.Equal(operators, Models.Operators(prepared.Model));
        Assert.All(prepared.Rewrites, r => Assert.True(r.Kept, r.Reason));
        DenseTensor expected = Models.Run(model, sample);
        DenseTensor actual = Models.Run(prepared.Model, sample);
        Assert.Equal(expected.Shape, actual.Shape);
        for (int i = 0; i < expected.Floats.Length; i++)
            Assert.Equal(expected.Floats[i], actual.Floats[i], 1e-5f);
    }
}
