using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Verification;
using QuantCluster.Verification.Tasks;

namespace QuantCluster.Tests.Verification;

public class VerifierTests
{
    private static readonly VerificationSettings Quick = new() { Latency = null };

    [Fact]
    public void A_model_verified_against_itself_is_perfect()
    {
        VerificationResult result = Verify(SmallModels.Float(), SmallModels.Float(), 5);
        Assert.Equal(double.PositiveInfinity, result.Error("sqnr_db"));
        Assert.Equal(100, result.Error("agreement"));
        Assert.Equal(5, result.Samples);
        Assert.Equal(result.ReferenceBytes, result.QuantizedBytes);
    }

    [Fact]
    public void Finer_steps_give_a_higher_sqnr()
    {
        double coarse = Verify(SmallModels.Float(), SmallModels.Quantized(0.1f), 40).Error("sqnr_db")!.Value;
        double fine = Verify(SmallModels.Float(), SmallModels.Quantized(0.02f), 40).Error("sqnr_db")!.Value;
        Assert.InRange(fine - coarse, 10, 18); // five times finer: 14 dB
    }

    [Fact]
    public void Any_number_of_workers_gives_the_same_bits()
    {
        TopK task = new([.. Enumerable.Range(0, 100).Select(i => (long)(i % SmallModels.Classes))]);
        VerificationResult one = Verify(SmallModels.Float(true), SmallModels.Quantized(0.1f, true), 100, Quick, task);
        VerificationResult four = Verify(SmallModels.Float(true), SmallModels.Quantized(0.1f, true), 100, Quick with { Workers = 4 }, task);
        Assert.Equal(one.Errors, four.Errors);
        Assert.Equal(one.Task, four.Task);
        Assert.NotNull(one.Error("kl"));
    }

    [Fact]
    public void Records_that_pad_the_last_batch_do_not_count()
    {
        TopK task = new([.. Enumerable.Repeat(0L, 10)]);
        using RandomData data = new(3, batch: 4) { LastValid = 2 };
        VerificationResult result = Verifier.Verify(VerifiedModel.FromModel(SmallModels.Float()), VerifiedModel.FromModel(SmallModels.Quantized()), data, task, Quick);
        Assert.Equal(10, result.Task!.Records);
    }

    [Fact]
    public void The_profile_shows_where_the_error_enters()
    {
        VerificationResult result = Verify(SmallModels.Float(), SmallModels.Quantized(), 8);
        TensorError active = Assert.Single(result.Profile, t => t.Tensor == "active");
        Assert.True(active.IsQuantized);
        Assert.InRange(active.SqnrDb, 20, 60);
        Assert.Equal(["active", "y"], result.Profile.Select(t => t.Tensor));
        Assert.NotNull(result.Profile[^1].DropDb);
    }

    [Fact]
    public void A_given_mapping_decides_which_tensors_are_compared()
    {
        VerificationSettings settings = Quick with { TensorMapping = new Dictionary<string, string> { ["active"] = "active_DequantizeLinear_Output" } };
        Assert.Equal("active", Assert.Single(Verify(SmallModels.Float(), SmallModels.Quantized(), 2, settings).Profile).Tensor);
    }

    [Fact]
    public void What_is_about_as_fast_is_timed_longer()
    {
        LatencySettings latency = new() { Budget = TimeSpan.FromMilliseconds(80), MaximumRuns = int.MaxValue, Threads = [1] };
        int Runs(double close) => Verify(
            SmallModels.Float(), SmallModels.Quantized(), 1, new VerificationSettings { ProfileSamples = 0, Latency = latency with { Close = close } }).Latency[0].Runs;
        int once = Runs(close: 1), longer = Runs(close: double.PositiveInfinity);
        Assert.True(longer > 1.5 * once, $"{once} {longer}");
    }

    [Fact]
    public void Latency_is_measured_for_one_and_for_all_threads()
    {
        LatencySettings latency = new() { Budget = TimeSpan.FromMilliseconds(20), MinimumRuns = 5, MaximumRuns = 5 };
        VerificationResult result = Verify(SmallModels.Float(), SmallModels.Quantized(), 1, new VerificationSettings { Latency = latency });
        Assert.Equal(Environment.ProcessorCount == 1 ? 1 : 2, result.Latency.Count);
        Assert.All(result.Latency, l => Assert.Equal(5, l.Runs));
        Assert.All(result.Latency, l => Assert.InRange(l.Speedup, 0.01, 100));
        Assert.All(result.Latency, l => Assert.True(l.Reference.Minimum <= l.Reference.Median && l.Reference.Median <= l.Reference.P95));
    }

    [Fact]
    public void A_clear_speedup_is_not_timed_to_the_end()
    {
        LatencySettings latency = new() { Budget = TimeSpan.FromMilliseconds(240), MaximumRuns = int.MaxValue, Threads = [1] };
        int Runs(double clear) => Verify(
            SmallModels.Float(), SmallModels.Quantized(), 1, new VerificationSettings { ProfileSamples = 0, Latency = latency with { Clear = clear } }).Latency[0].Runs;
        int whole = Runs(double.PositiveInfinity), early = Runs(clear: 0);
        Assert.InRange(early, 20, 0.7 * whole);
    }

    [Fact]
    public void Models_with_different_outputs_are_refused_by_name()
    {
        OnnxModel other = SmallModels.Float();
        other.Graph.Proto.Output[0].Name = "hidden";
        other.Graph.Reindex();
        QuantException error = Assert.Throws<QuantException>(() => Verify(SmallModels.Float(), other, 1));
        Assert.Equal("the quantized model has no float output 'y' (it has hidden). Are these the same model?", error.Message);
        Assert.Equal(ExitCode.BadModel, error.Code);
    }

    [Fact]
    public void Labels_of_other_data_are_refused_before_any_work()
    {
        QuantException error = Assert.Throws<QuantException>(() => Verify(SmallModels.Float(), SmallModels.Quantized(), 3, Quick, new TopK([0, 1])));
        Assert.Equal("metric 'top1': there are 2 labels for 3 records. Do they belong to these data?", error.Message);
    }

    [Fact]
    public void Figures_agree_with_an_independent_measurement_of_the_same_model()
    {
        // anchors/peers.json: score 91.875 %, agreement 98.375 %, SQNR 27.49 dB; other CPUs' kernels may differ a little.
        string quantized = Anchors.Path(Path.Combine("peers", "kws.onnxruntime.u8s8_pc.onnx")), reference = Anchors.Model("kws_dscnn_fp32.onnx");
        DatasetSpec spec = DatasetSpec.Load(Anchors.Case("kws.eval.json"));
        using ModelSession session = ModelSession.Open(reference, new SessionSettings());
        using IDataset data = Datasets.Open(spec, session.Inputs);
        VerificationResult result = Verifier.Verify(reference, quantized, data, TaskMetrics.Of(spec), Quick with { ProfileSamples = 0 });
        Assert.Equal(91.875, result.Task!.Reference, 3);
        Assert.InRange(result.Task.Quantized, 91.3, 92.4);
        Assert.InRange(result.Error("agreement")!.Value, 97.8, 98.9);
        Assert.InRange(result.Error("sqnr_db")!.Value, 27.2, 27.8);
    }

    [Fact]
    public void Cancelling_stops()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        using RandomData data = new(10);
        Assert.ThrowsAny<OperationCanceledException>(() => Verifier.Verify(
            VerifiedModel.FromModel(SmallModels.Float()), VerifiedModel.FromModel(SmallModels.Quantized()), data, null, Quick, null, source.Token));
    }

    [Fact]
    public void Gates_compare_and_explain()
    {
        TopK task = new([.. Enumerable.Repeat(0L, 20)]);
        VerificationResult result = Verify(SmallModels.Float(), SmallModels.Quantized(), 20, Quick, task);
        Assert.Contains("drops by 2.50 points (from 90.00 to 87.50); a drop of at most 1 is allowed",
            new Gates { MaximumDrop = 1 }.Judge(result with { Task = result.Task! with { Reference = 90, Quantized = 87.5, Drop = 2.5 } })[0].Message);
        IReadOnlyList<GateVerdict> verdicts = new Gates { MinimumSqnrDb = 1000, MaximumDrop = 100 }.Judge(result);
        Assert.False(verdicts[0].IsMet);
        Assert.Contains("at least 1000 dB are asked for", verdicts[0].Message);
        Assert.True(verdicts[1].IsMet);
        Assert.Throws<QuantException>(() => new Gates { MaximumDrop = 1 }.Judge(result with { Task = null }));
    }

    [Fact]
    public void Softmax_outputs_are_recognised_through_reshapes()
    {
        Assert.Equal(OutputKind.Probabilities, OutputKinds.Of(SmallModels.Float(softmax: true))["y"]);
        Assert.Equal(OutputKind.Values, OutputKinds.Of(SmallModels.Float())["y"]);
        Assert.Equal(OutputKind.LogProbabilities, OutputKinds.Of(SmallModels.OneOp("LogSoftmax"))["y"]);
    }

    private static VerificationResult Verify(OnnxModel reference, OnnxModel quantized, int samples, VerificationSettings? settings = null, ITaskMetric? task = null)
    {
        using RandomData data = new(samples);
        return Verifier.Verify(VerifiedModel.FromModel(reference), VerifiedModel.FromModel(quantized), data, task, settings ?? Quick);
    }
}
