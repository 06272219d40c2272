using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Preparation;

namespace QuantCluster.Tests.Preparation;

public class AnchorPreparationTests
{
    [Theory]
    [InlineData("kws", 22)]
    [InlineData("mobilenetv1", 60)]
    [InlineData("ocr", 241)]
    [InlineData("resnet20", 56)]
    [InlineData("squeezenet", 65)]
    [InlineData("sst2", 128)]
    [InlineData("stories", 304)]
    [InlineData("vit", 75)]
    public void A_real_model_is_prepared_to_the_same_bytes_and_keeps_every_rewrite(string name, int nodes)
    {
        DatasetSpec spec = DatasetSpec.Load(Anchors.Case($"{name}.calib.json"));
        OnnxModel model = OnnxModel.Load(Path.Combine(Anchors.Path("cases"), spec.Model!));
        using ModelSession session = ModelSession.Create(model, new SessionSettings { Optimization = GraphOptimization.None });
        using IDataset data = Datasets.Open(spec, session.Inputs);
        Sample sample = data.Read(0);

        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings());
        Assert.All(prepared.Rewrites, r => Assert.True(r.Kept, r.ToString()));
        Assert.True(prepared.Model.Opset >= 13);
        Assert.All(prepared.Model.Graph.Nodes, n => Assert.Equal("", n.Domain));
        Assert.InRange(prepared.Model.Graph.Nodes.Count, 1, nodes);
        Assert.Equal(prepared.Model.ToBytes(), Preparer.Prepare(model, sample, new PreparationSettings { Threads = 2 }).Model.ToBytes());

        // What was prepared has nothing left to prepare.
        PreparedModel again = Preparer.Prepare(prepared.Model, sample, new PreparationSettings());
        Assert.DoesNotContain(again.Rewrites, r => r.Name != RuntimeFolding.Name);
    }
}
