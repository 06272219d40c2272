using System.Numerics.Tensors;
using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Tests.SampleData;

public class DigitsSampleTests
{
    [Fact]
    public void The_digits_model_recognizes_the_images_its_spec_names()
    {
        DatasetSpec spec = DatasetSpec.Load(Samples.Path("digits/eval.json"));
        using ModelSession session = ModelSession.Open(spec.Model!, new SessionSettings());
        using IDataset data = Datasets.Open(spec, session.Inputs);
        using IDataset labels = Datasets.Open(
            new DatasetSpec { Inputs = new Dictionary<string, InputSpec> { ["label"] = new() { File = spec.Labels! } } },
            [new ValueSignature("label", Onnx.ElementType.Int64, [-1])]);

        int right = 0;
        for (int i = 0; i < data.Count; i++)
        {
            using RunResult result = session.Run(data.Read(i));
            if (TensorPrimitives.IndexOfMax(result.Floats(0)) == BitConverter.ToInt64(labels.Read(i).Inputs["label"].Bytes.Span))
                right++;
        }

        Assert.InRange((double)right / data.Count, 0.98, 1);
    }
}
