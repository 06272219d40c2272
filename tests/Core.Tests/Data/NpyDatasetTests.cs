using System.Runtime.InteropServices;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

public sealed class NpyDatasetTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void Images_are_scaled_and_their_channels_put_first()
    {
        byte[] pixels = [.. Enumerable.Range(0, 2 * 2 * 3 * 3).Select(i => (byte)(i * 7))];
        _folder.Npy<byte>("x.npy", "|u1", [2, 2, 3, 3], pixels);
        using IDataset data = Open("""{"inputs": {"x": {"file": "x.npy", "layout": "NHWC", "channels": "RGB", "divide": 255, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.25, 2]}}}""", -1, 3, 2, 3);
        Assert.Equal(2, data.Count);
        for (int n = 0; n < 2; n++)
        {
            DenseTensor tensor = data.Read(n).Inputs["x"];
            Assert.Equal([1, 3, 2, 3], tensor.Shape);
            float[] mean = [0.1f, 0.2f, 0.3f], std = [0.5f, 0.25f, 2];
            for (int c = 0; c < 3; c++)
            {
                for (int p = 0; p < 6; p++)
                    Assert.Equal(((pixels[(n * 18) + (p * 3) + c] / 255f) - mean[c]) / std[c], tensor.Floats[(c * 6) + p]);
            }
        }
    }

    [Fact]
    public void Mean_and_std_follow_the_channels_of_the_model_after_BGR_reversal()
    {
        _folder.Npy<byte>("x.npy", "|u1", [1, 1, 1, 3], [200, 120, 104]);
        using IDataset data = Open("""{"inputs": {"x": {"file": "x.npy", "layout": "NHWC", "channels": "BGR", "mean": [104, 117, 123]}}}""", 1, 3, 1, 1);
        Assert.Equal([0f, 3f, 77f], data.Read(0).Inputs["x"].Floats.ToArray());
    }

    [Fact]
    public void Token_ids_pass_as_they_are_and_are_widened_where_the_model_wants_int64()
    {
        _folder.Npy<int>("x.npy", "<i4", [2, 3], [1, -2, 3, 4, 5, int.MaxValue]);
        DatasetSpec spec = DatasetSpec.Load(_folder.Write("spec.json", """{"inputs": {"x": {"file": "x.npy"}}}"""));
        using IDataset data = Datasets.Open(spec, [DataFolder.Input("x", ElementType.Int64, -1, -1)]);
        DenseTensor tensor = data.Read(1).Inputs["x"];
        Assert.Equal(ElementType.Int64, tensor.Type);
        Assert.Equal([1, 3], tensor.Shape);
        Assert.Equal([4, 5, int.MaxValue], MemoryMarshal.Cast<byte, long>(tensor.Bytes.Span).ToArray());
    }

    [Fact]
    public void A_last_batch_of_another_size_simply_works()
    {
        _folder.Npy<float>("x.npy", "<f4", [5, 1], [0, 1, 2, 3, 4]);
        using IDataset data = Open("""{"inputs": {"x": {"file": "x.npy"}}}""", 2, 1);
        Assert.Equal(3, data.Count);
        Assert.Equal([2, 2, 1], Enumerable.Range(0, 3).Select(i => data.Read(i).ValidRecords));
        Sample last = data.Read(2);
        Assert.Equal([2, 1], last.Inputs["x"].Shape);
        Assert.Equal([4f, 4f], last.Inputs["x"].Floats.ToArray());
    }

    [Theory]
    [InlineData("mobilenetv1.calib.json", "mobilenetv1_0.75_224.onnx", 96)]
    [InlineData("squeezenet.eval.json", "squeezenet1.1.onnx", 304)]
    [InlineData("resnet20.calib.json", "resnet20_cifar10.onnx", 256)]
    [InlineData("ocr.calib.json", "ppocrv4_rec.onnx", 48)]
    [InlineData("kws.calib.json", "kws_dscnn_fp32.onnx", 200)]
    [InlineData("vit.calib.json", "vit_pgd_2_3_16.onnx", 256)]
    [InlineData("sst2.eval.json", "sst2_encoder.onnx", 1821)]
    [InlineData("stories.calib.json", "stories260K.onnx", 64)]
    public void Every_anchor_case_opens_and_its_model_runs(string file, string model, int count)
    {
        using ModelSession session = ModelSession.Open(Anchors.Model(model), new SessionSettings());
        using IDataset data = Datasets.Open(DatasetSpec.Load(Anchors.Case(file)), session.Inputs);
        Assert.Equal(count, data.Count);
        using RunResult result = session.Run(data.Read(count - 1));
    }

    public void Dispose() => _folder.Dispose();

    private IDataset Open(string spec, params long[] shape) =>
        Datasets.Open(DatasetSpec.Load(_folder.Write("spec.json", spec)), [DataFolder.Input("x", ElementType.Float, shape)]);
}
