using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

public sealed class WorkRouteTests
{
    [Fact]
    public void Blocks_go_to_shards_and_layers_to_layers()
    {
        Assert.Equal(new WorkRoute(false, "job/calibrate-block/8..16"), WorkRoute.Of("job", new WorkItem("calibrate-block", "8..16", "tool")));
        Assert.Equal(new WorkRoute(false, "job/evaluate-trial/0..16"), WorkRoute.Of("job", new WorkItem("evaluate-trial", "trial 0..16", "tool")));
        Assert.Equal(new WorkRoute(true, "job/merge-statistics/0..8"), WorkRoute.Of("job", new WorkItem("merge-statistics", "0..8", "tool")));
        Assert.Equal(new WorkRoute(true, "job/estimate-ranges/0..8"), WorkRoute.Of("job", new WorkItem("estimate-ranges", "0..8", "tool")));
    }

    [Fact]
    public void What_is_of_no_block_shares_grains_with_its_kind() =>
        Assert.Equal(new WorkRoute(false, "job/measure-latency"), WorkRoute.Of("job", new WorkItem("measure-latency", "model 1 500", "tool")));

    [Fact]
    public void Corrections_of_one_layer_go_to_one_grain_whatever_the_trial()
    {
        WorkRoute Of(string trial, string layer) => WorkRoute.Of("job", new WorkItem("correct-trial", trial, "tool", "model", "plan", "data", "0 1", "3", layer) { Layers = [layer] });
        Assert.True(Of("a", "conv").Layers);
        Assert.Equal(Of("a", "conv"), Of("b", "conv"));
        Assert.NotEqual(Of("a", "conv"), Of("a", "gemm"));
    }

    [Fact]
    public void Grains_of_a_block_are_any_layers_and_who_watches_over_a_layer_is_no_lanes()
    {
        WorkItem score = new WorkItem("evaluate-trial", "trial 0..16", "tool") with { Layers = ["conv"] };
        WorkItem correct = new WorkItem("correct-trial", "trial", "tool") with { Layers = ["conv"] };
        Assert.Equal(new WorkRoute(false, "job/evaluate-trial/0..16"), WorkRoute.Of("job", score));
        Assert.Equal(WorkRoute.Of("job", score with { Layers = ["gemm"] }), WorkRoute.Of("job", score));
        Assert.NotEqual(WorkRoute.WatcherOf("job", ["conv"]), WorkRoute.WatcherOf("job", ["conv", "gemm"]));
        Assert.NotEqual(WorkRoute.WatcherOf("job", ["conv"]), WorkRoute.WatcherOf("another", ["conv"]));

        // Lanes come and go with the coordinator; who watches does not.
        Assert.NotEqual(WorkRoute.Of("job", correct).KeyOf(1), WorkRoute.Of("job", correct).KeyOf(2));
    }

    [Fact]
    public void The_kinds_that_are_layers_work_are_kinds_there_are()
    {
        using TemporaryFolder folder = new();
        using JobSources sources = JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), null, new JobSettings());
        using WorkHandlers handlers = new(new FolderBlobStore(folder.Path), sources, 1, 1);
        Assert.Contains(WorkRoute.MergeKind, handlers.ByKind.Keys);
        Assert.Contains(WorkRoute.RangesKind, handlers.ByKind.Keys);
        Assert.Contains(WorkRoute.CorrectionsKind, handlers.ByKind.Keys);
    }
}
