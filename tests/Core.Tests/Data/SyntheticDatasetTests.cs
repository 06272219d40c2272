using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

public class SyntheticDatasetTests
{
    private static readonly ValueSignature[] Inputs =
    [
        DataFolder.Input("x", ElementType.Float, -1, 3, 32, -1),
        DataFolder.Input("ids", ElementType.Int64, -1, 128),
        DataFolder.Input("h", ElementType.Float16, 1, 8),
    ];

    [Fact]
    public void Synthetic_samples_say_that_they_are_and_depend_on_the_seed_alone()
    {
        using IDataset one = Datasets.Synthetic(Inputs, 4, seed: 7), same = Datasets.Synthetic(Inputs, 4, seed: 7), other = Datasets.Synthetic(Inputs, 4, seed: 8);
        Assert.True(one.IsSynthetic);
        Assert.Equal([1, 3, 32, 64], one.Read(0).Inputs["x"].Shape);
        Assert.Equal(one.Read(3).Inputs["x"].Bytes.ToArray(), same.Read(3).Inputs["x"].Bytes.ToArray());
        Assert.NotEqual(one.Read(3).Inputs["x"].Bytes.ToArray(), other.Read(3).Inputs["x"].Bytes.ToArray());
        Assert.NotEqual(one.Read(3).Inputs["x"].Bytes.ToArray(), one.Read(2).Inputs["x"].Bytes.ToArray());
        Datasets.Validate(one);
    }

    [Fact]
    public void Synthetic_floats_are_about_normal_and_integers_small()
    {
        using IDataset data = Datasets.Synthetic(Inputs, 1, seed: 1);
        IReadOnlyDictionary<string, DenseTensor> inputs = data.Read(0).Inputs;
        Assert.InRange(TensorPrimitives.Average<float>(inputs["x"].Floats), -0.1, 0.1);
        Assert.InRange(TensorPrimitives.StdDev<float>(inputs["x"].Floats), 0.95, 1.05);
        Assert.Equal([0L, 1L], MemoryMarshal.Cast<byte, long>(inputs["ids"].Bytes.Span).ToArray().Distinct().Order());
    }
}
