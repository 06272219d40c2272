using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Preparation;

namespace QuantCluster.Tests.Preparation;

public class RewriteTests
{
    [Fact]
    public void HardSwish_written_out_becomes_a_gate()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 4, 4],
            [Scalar("three", 3), Scalar("zero", 0), Scalar("six", 6)],
            Nodes.Create("Add", "add", ["x", "three"], ["a"]),
            Nodes.Create("Clip", "clip", ["a", "zero", "six"], ["c"]),
            Nodes.Create("Mul", "mul", ["x", "c"], ["m"]),
            Nodes.Create("Div", "div", ["m", "six"], ["y"]));
        Rewriting.Check(model, Models.Sample(2, 3, 4, 4), "HardSigmoid", "Mul");
    }

    [Fact]
    public void Padding_goes_into_the_convolution()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3, 3, 3), Tensors.FromInt64s("pads", [8], [0, 0, 1, 2, 0, 0, 3, 0])],
            Nodes.Create("Pad", "pad", ["x", "pads"], ["p"]),
            Nodes.Create("Conv", "conv", ["p", "w"], ["y"], Nodes.Ints("pads", 1, 0, 0, 1)));
        Rewriting.Check(model, Models.Sample(1, 3, 6, 6), "Conv");
    }

    [Fact]
    public void Padding_goes_into_an_average_that_then_counts_it()
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Tensors.FromInt64s("pads", [8], [0, 0, 1, 1, 0, 0, 1, 1])],
            Nodes.Create("Pad", "pad", ["x", "pads"], ["p"]),
            Nodes.Create("AveragePool", "pool", ["p"], ["y"], Nodes.Ints("kernel_shape", 2, 2), Nodes.Ints("strides", 2, 2)));
        Rewriting.Check(model, Models.Sample(1, 3, 6, 6), "AveragePool");
    }

    [Theory]
    [InlineData(0, 0, 0.5f)]
    [InlineData(1, 0, 0)]
    [InlineData(0, -1, 0)]
    public void Padding_that_the_convolution_cannot_do_stays(long channels, long spatial, float value)
    {
        OnnxModel model = Models.Create(13, [-1, 3, 6, 6],
            [Models.Noise("w", 4, 3 + (int)channels, 3, 3), Tensors.FromInt64s("pads", [8], [0, channels, 1, 1, 0, 0, 1, 1 + 2 * spatial]), Scalar("value", value)],
            Nodes.Create("Pad", "pad", ["x", "pads", "value"], ["p"]),
            Nodes.Create("Conv", "conv", ["p", "w"], ["y"]));
        Rewriting.Check(model, Models.Sample(1, 3, 6, 6), "Pad", "Conv");
    }

    [Fact]
    public void Nodes_that_do_nothing_disappear()
    {
        OnnxModel model = Models.Create(13, [-1, 4],
            [Scalar("one", 1), Tensors.FromInt64s("none", [4], [0, 0, 0, 0]), Tensors.FromInt64s("start", [1], [0]), Tensors.FromInt64s("end", [1], [long.MaxValue])],
            Nodes.Create("Identity", "identity", ["x"], ["a"]),
            Nodes.Create("Relu", "relu", ["a"], ["b"]),
            Nodes.Create("Dropout", "dropout", ["b"], ["c"]),
            Nodes.Create("Concat", "concat", ["c"], ["d"], Nodes.Int("axis", 1)),
            Nodes.Create("Pad", "pad", ["d", "none"], ["e"]),
            Nodes.Create("Slice", "slice", ["e", "start", "end"], ["f"]),
            Nodes.Create("Transpose", "transpose", ["f"], ["g"], Nodes.Ints("perm", 0, 1)),
            Nodes.Create("Mul", "mul", ["g", "one"], ["y"]));
        PreparedModel prepared = Rewriting.Check(model, Models.Sample(2, 4), "Relu");
        Assert.Equal("y", Assert.Single(prepared.Model.Graph.Nodes).Output[0]);
    }

    [Fact]
    public void A_BatchNormalization_between_transposes_works_in_place()
    {
        OnnxModel model = Models.Create(13, [-1, 5, 6],
            [Models.Noise("g", 6), Models.Noise("be", 6), Models.Noise("mea", 6), Tensors.FromFloats("v", [6], [1, 2, 3, 4, 5, 6])],
            Nodes.Create("Transpose", "there", ["x"], ["t"], Nodes.Ints("perm", 0, 2, 1)),
            Nodes.Create("BatchNormalization", "norm", ["t", "g", "be", "mea", "v"], ["n"]),
            Nodes.Create("Transpose", "back", ["n"], ["y"], Nodes.Ints("perm", 0, 2, 1)));
        Rewriting.Check(model, Models.Sample(2, 5, 6), "Mul", "Add");
    }

    [Fact]
    public void RMS_normalisation_takes_the_form_that_ONNX_Runtime_fuses()
    {
        OnnxModel model = Models.Create(13, [-1, 8],
            [Tensors.FromFloats("epsilon", [1], [1e-5f]), Models.Noise("gain", 8), Models.Noise("w", 8, 8)],
            Nodes.Create("Mul", "square", ["x", "x"], ["s"]),
            Nodes.Create("ReduceMean", "mean", ["s"], ["m"], Nodes.Ints("axes", -1)),
            Nodes.Create("Add", "add", ["m", "epsilon"], ["a"]),
            Nodes.Create("Sqrt", "root", ["a"], ["r"]),
            Nodes.Create("Div", "div", ["x", "r"], ["d"]),
            Nodes.Create("Mul", "gain", ["d", "gain"], ["g"]),
            Nodes.Create("MatMul", "linear", ["g", "w"], ["y"]));
        // The gain stays too: without it nothing is fused.
        Rewriting.Check(model, Models.Sample(3, 8), "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "MatMul");
    }

    [Fact]
    public void A_shape_put_together_at_run_time_becomes_a_constant_for_every_batch()
    {
        // [N, S, 4] -> [N, S, 2, 2] -> [N, 2, S, 2] -> back to [N, S, 4], as attention does.
        OnnxModel model = Models.Create(13, [-1, -1, 4],
            [
                Models.Noise("w", 4, 4), Models.Noise("b", 4), Tensors.FromInt64s("zero", [], [0]), Tensors.FromInt64s("one", [1], [1]), Tensors.FromInt64s("two", [1], [2]),
                Tensors.FromInt64s("axis", [1], [0]), Tensors.FromInt64s("halves", [2], [2, 2]), Tensors.FromInt64s("four", [1], [4]),
            ],
            Nodes.Create("Shape", "shape", ["x"], ["dimensions"]),
            Nodes.Create("Gather", "gather", ["dimensions", "zero"], ["n0"]),
            Nodes.Create("Unsqueeze", "unsqueeze", ["n0", "axis"], ["n"]),
            Nodes.Create("Slice", "slice", ["dimensions", "one", "two"], ["s"]),
            Nodes.Create("MatMul", "linear", ["x", "w"], ["l"]),
            Nodes.Create("Add", "bias", ["b", "l"], ["lb"]),
            Nodes.Create("Concat", "concat", ["n", "s", "halves"], ["split"], Nodes.Int("axis", 0)),
            Nodes.Create("Reshape", "heads", ["lb", "split"], ["h"]),
            Nodes.Create("Transpose", "there", ["h"], ["t"], Nodes.Ints("perm", 0, 2, 1, 3)),
            Nodes.Create("Softmax", "softmax", ["t"], ["p"], Nodes.Int("axis", -1)),
            Nodes.Create("Transpose", "back", ["p"], ["u"], Nodes.Ints("perm", 0, 2, 1, 3)),
            Nodes.Create("Concat", "concat2", ["n", "s", "four"], ["join"], Nodes.Int("axis", 0)),
            Nodes.Create("Reshape", "merge", ["u", "join"], ["y"]));
        foreach (ValueInfoProto input in model.Proto.Graph.Input)
        {
            input.Type.TensorType.Shape.Dim[0].DimParam = "n";
            input.Type.TensorType.Shape.Dim[1].DimParam = "s";
        }

        PreparedModel prepared = Rewriting.Check(model, Models.Sample(2, 3, 4), "MatMul", "Add", "Reshape", "Transpose", "Softmax", "Transpose", "Reshape");
        Assert.Equal(Models.Run(model, Models.Sample(5, 7, 4)).Shape, Models.Run(prepared.Model, Models.Sample(5, 7, 4)).Shape);
        Assert.Equal([0, 0, 2, 2], prepared.Model.Graph.Initializer(prepared.Model.Graph.Nodes[2].Input[1])!.ToInt64s());
    }

    [Fact]
    public void A_shape_of_another_tensor_stays_computed()
    {
        // Both open dimensions come from elsewhere: nothing says which is which.
        OnnxModel model = Models.Create(13, [-1, -1],
            [Tensors.FromInt64s("zero", [1], [0]), Tensors.FromInt64s("one", [1], [1])],
            Nodes.Create("Shape", "shape", ["x"], ["dimensions"]),
            Nodes.Create("Gather", "first", ["dimensions", "zero"], ["a"]),
            Nodes.Create("Gather", "second", ["dimensions", "one"], ["b"]),
            Nodes.Create("Concat", "swapped", ["b", "a"], ["shape"], Nodes.Int("axis", 0)),
            Nodes.Create("Reshape", "reshape", ["x", "shape"], ["y"]));
        Rewriting.Check(model, Models.Sample(2, 3), "Shape", "Gather", "Gather", "Concat", "Reshape");
    }

    [Fact]
    public void A_rewrite_that_changes_the_answer_is_dropped_and_reported()
    {
        // Weights near float32's limit: scaled before the addition they overflow, scaled after it they do not.
        OnnxModel model = Models.Create(13, [-1, 2],
            [Tensors.FromFloats("w", [2, 1], [3e38f, -3e38f]), Scalar("scale", 10), Scalar("one", 1)],
            Nodes.Create("Identity", "identity", ["x"], ["i"]),
            Nodes.Create("MatMul", "linear", ["i", "w"], ["m"]),
            Nodes.Create("Mul", "mul", ["m", "scale"], ["y"]));
        var sample = new QuantCluster.Data.Sample(0, new Dictionary<string, QuantCluster.Data.DenseTensor>
        {
            ["x"] = QuantCluster.Data.DenseTensor.FromFloats([1, 2], [1e-3f, 0.9e-3f]),
        });
        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings { Disabled = [RuntimeFolding.Name] });
        Assert.Equal(["MatMul", "Mul"], Models.Operators(prepared.Model));
        RewriteReport dropped = Assert.Single(prepared.Rewrites, r => !r.Kept);
        Assert.Equal("fold-affine-into-producer", dropped.Name);
        Assert.Contains("output y of sample 0 differs", dropped.Reason);
        Assert.Contains(prepared.Rewrites, r => r is { Name: "remove-no-operation", Kept: true });
    }

    private static TensorProto Scalar(string name, float value) => Tensors.FromFloats(name, [], [value]);
}
