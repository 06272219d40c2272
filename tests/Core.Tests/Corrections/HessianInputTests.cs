using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Corrections;

/// <summary>For weights w of a channel, w·H·wᵀ is the energy of the channel's output: ONNX Runtime says which it is.</summary>
public class HessianInputTests
{
    private static readonly Dictionary<string, HessianLayers> Layers = new()
    {
        ["pointwise"] = HessianLayers.Conv([1, 20, 5, 4], [6, 20, 1, 1]),
        ["padded unevenly"] = HessianLayers.Conv([2, 3, 7, 6], [4, 3, 3, 2], Nodes.Ints("pads", 1, 0, 2, 1)),
        ["strided and dilated"] = HessianLayers.Conv(
            [1, 2, 11, 9], [3, 2, 3, 3], Nodes.Ints("strides", 2, 1), Nodes.Ints("dilations", 1, 2), Nodes.Ints("pads", 1, 2, 1, 2)),
        ["grouped"] = HessianLayers.Conv([1, 6, 5, 5], [4, 3, 3, 3], Nodes.Int("group", 2), Nodes.Ints("pads", 1, 1, 1, 1)),
        ["depthwise"] = HessianLayers.Conv([1, 5, 6, 6], [5, 1, 3, 3], Nodes.Int("group", 5), Nodes.Ints("strides", 2, 2), Nodes.Ints("pads", 0, 0, 1, 1)),
        ["SAME_UPPER"] = HessianLayers.Conv([1, 2, 7, 8], [3, 2, 2, 3], Nodes.Text("auto_pad", "SAME_UPPER"), Nodes.Ints("strides", 2, 2)),
        ["SAME_LOWER"] = HessianLayers.Conv([1, 2, 7, 8], [3, 2, 2, 4], Nodes.Text("auto_pad", "SAME_LOWER")),
        ["VALID"] = HessianLayers.Conv([1, 2, 6, 6], [3, 2, 3, 3], Nodes.Text("auto_pad", "VALID")),
        ["one-dimensional"] = HessianLayers.Conv([1, 4, 19], [3, 4, 5], Nodes.Ints("strides", 2), Nodes.Ints("pads", 2, 1)),
        ["three-dimensional"] = HessianLayers.Conv([1, 2, 4, 5, 3], [2, 2, 2, 3, 2], Nodes.Ints("pads", 0, 1, 0, 1, 1, 0)),
        ["Gemm"] = HessianLayers.Gemm(3, 18, 5, transposed: false),
        ["Gemm with transB"] = HessianLayers.Gemm(3, 18, 5, transposed: true),
        ["MatMul of three axes"] = HessianLayers.MatMul([2, 4, 17], 6),
    };

    public static TheoryData<string> Names => [.. Layers.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Energy_of_a_channel_is_that_of_its_outputs_in_ONNX_Runtime(string name)
    {
        HessianLayers layer = Layers[name];
        DenseTensor[] inputs = layer.Inputs(12, 3);
        InputHessian hessian = Observe(layer, inputs);
        double[][][] outputs = layer.Run(inputs);
        for (int c = 0; c < layer.Channels; c++)
        {
            double[] values = [.. outputs.SelectMany(s => s[c])];
            Assert.Equal(values.Length, hessian.Rows);
            Assert.Equal(values.Sum(v => v * v), Energy(layer, hessian, c, centred: false));
            double mean = values.Average(), centred = values.Sum(v => (v - mean) * (v - mean));
            Assert.Equal(centred, Energy(layer, hessian, c, centred: true), Math.Max(1, centred) * 1e-10);
        }
    }

    [Fact]
    public void Threads_and_the_vector_unit_do_not_change_a_bit()
    {
        HessianLayers layer = Layers["grouped"];
        DenseTensor[] inputs = layer.Inputs(40, 5);
        InputHessian one = LayerRounding.Observe(layer.Model, layer.Layer, inputs, HessianLayers.Mapping, 1);
        InputHessian four = LayerRounding.Observe(layer.Model, layer.Layer, inputs, HessianLayers.Mapping, 4);
        for (int g = 0; g < 2; g++)
        {
            Assert.Equal(one.Matrix(g, true), four.Matrix(g, true));
            Assert.All(one.Matrix(g, false), v => Assert.Equal(Math.Round(v), v));
        }
    }

    [Fact]
    public void Groups_may_be_taken_from_many_threads_at_once()
    {
        HessianLayers layer = HessianLayers.Conv([1, 64, 6, 6], [64, 1, 3, 3], Nodes.Int("group", 64));
        DenseTensor[] inputs = layer.Inputs(10, 5);
        double[][] expected = [.. Enumerable.Range(0, 64).Select(g => Observe(layer, inputs).Matrix(g, true))];
        for (int trial = 0; trial < 20; trial++)
        {
            InputHessian hessian = Observe(layer, inputs);
            double[][] found = new double[64][];
            Parallel.For(0, 64, g => found[g] = hessian.Matrix(g, true));
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public void Samples_of_different_shapes_add_up()
    {
        HessianLayers small = HessianLayers.MatMul([1, 3, 9], 2), large = HessianLayers.MatMul([1, 8, 9], 2);
        DenseTensor[] a = small.Inputs(3, 1), b = large.Inputs(2, 2);
        double[] expected = [.. Observe(small, a).Matrix(0, false).Zip(Observe(small, b).Matrix(0, false), (x, y) => x + y)];
        InputHessian both = Observe(small, [a[0], b[0], a[1], a[2], b[1]]);
        Assert.Equal(expected, both.Matrix(0, false));
        Assert.Equal((3 * 3) + (2 * 8), both.Rows);
    }

    [Fact]
    public void Rows_of_an_expensive_layer_are_thinned_evenly()
    {
        HessianLayers layer = HessianLayers.Conv([1, 2, 120, 80], [2, 2, 3, 3], Nodes.Ints("pads", 1, 1, 1, 1));
        DenseTensor[] inputs = layer.Inputs(6, 4);
        InputHessian hessian = LayerRounding.Observe(layer.Model, layer.Layer, inputs, HessianLayers.Mapping, 2, budget: 1e7);
        Assert.InRange(hessian.Rows, 10_000, 23_000);
        double[] outputs = layer.Run(inputs).SelectMany(s => s[0]).ToArray();
        double expected = outputs.Average(v => v * v);
        Assert.Equal(expected, Energy(layer, hessian, 0, centred: false) / hessian.Rows, expected * 0.05);
    }

    private static InputHessian Observe(HessianLayers layer, DenseTensor[] inputs) =>
        LayerRounding.Observe(layer.Model, layer.Layer, inputs, HessianLayers.Mapping, 2);

    private static double Energy(HessianLayers layer, InputHessian hessian, int channel, bool centred)
    {
        double[] matrix = hessian.Matrix(channel / (layer.Channels / hessian.Groups), centred);
        float[] weights = layer.Weights;
        double[] row = [.. Enumerable.Range(0, hessian.Columns)
            .Select(k => (double)weights[layer.Layer.WeightAxis == 0 ? (channel * hessian.Columns) + k : (k * layer.Channels) + channel])];
        return HessianRoundingTests.Energy(matrix, row);
    }
}
