using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Preparation;

namespace QuantCluster.Tests.Preparation;

/// <summary>Prepares a model without ONNX Runtime's folding, so that our own rewrites are what is tested, and compares answers.</summary>
internal static class Rewriting
{
    public static PreparedModel Check(OnnxModel model, Sample sample, params string[] operators)
    {
        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings { Disabled = [RuntimeFolding.Name] });
        Assert.Equal(operators, Models.Operators(prepared.Model));
        Assert.All(prepared.Rewrites, r => Assert.True(r.Kept, r.Reason));
        DenseTensor expected = Models.Run(model, sample);
        DenseTensor actual = Models.Run(prepared.Model, sample);
        Assert.Equal(expected.Shape, actual.Shape);
        for (int i = 0; i < expected.Floats.Length; i++)
            Assert.Equal(expected.Floats[i], actual.Floats[i], 1e-5f);
        return prepared;
    }
}
