using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Calibration;

public class CalibrationTests
{
    private static readonly TapRequest[] Taps = [new("x", 1), new("r1", 1), new("c1"), new("y", 1, Histogram: false)];

    private static GaussianSamples Samples(int count = 21) => new(count, "x", 1, 3, 16, 16);

    [Fact]
    public void One_pass_counts_every_value_of_every_tap()
    {
        OnnxModel model = SmallModels.ConvReluConv();
        CalibrationStatistics statistics = Calibrator.Calibrate(model, Taps, Samples(), new CalibrationSettings(), null, default);

        Assert.Equal(21, statistics.Samples);
        Assert.Equal(["x", "r1", "c1", "y"], statistics.Tensors.Keys);
        List<float> relu = [], convolution = [];
        using ModelSession session = ModelSession.Create(Calibrator.Tap(model, Taps), new SessionSettings());
        for (int i = 0; i < 21; i++)
        {
            using RunResult run = session.Run(Samples().Read(i), ["r1", "c1"]);
            relu.AddRange(run.Floats(0));
            convolution.AddRange(run.Floats(1));
        }

        TensorStatistics r = statistics.Tensors["r1"], c = statistics.Tensors["c1"];
        Assert.Equal(relu.Count, r.Count);
        Assert.Equal(relu.Count, r.Histogram.Total);
        Assert.Equal(0f, r.Minimum);
        Assert.Equal(relu.Max(), r.Maximum);
        Assert.Equal(relu.Count(v => v == 0), r.Histogram.Zeros);
        Assert.Equal(convolution.Min(), c.Minimum);
        Assert.Equal(convolution.Max(), c.Maximum);
        Assert.Null(c.Channels);
        Assert.Equal(8, r.Channels!.Channels);
        Assert.Equal(relu.Sum(v => (double)v), r.Channels.Sums.Sum(), 1e-6 * relu.Sum(v => (double)v));
        Assert.True(statistics.Tensors["y"].Histogram.IsEmpty);
        Assert.Equal(5, statistics.Tensors["y"].Channels!.Channels);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(7, 1)]
    public void Workers_and_threads_do_not_change_a_bit(int workers, int threads)
    {
        OnnxModel model = SmallModels.ConvReluConv();
        CalibrationSettings settings = new() { BlockSize = 4 };
        byte[] one = Bytes(Calibrator.Calibrate(model, Taps, Samples(), settings, null, default));
        byte[] many = Bytes(Calibrator.Calibrate(model, Taps, Samples(), settings with { Workers = workers, Threads = threads }, null, default));
        Assert.Equal(one, many);
    }

    [Fact]
    public void Blocks_merged_in_any_order_of_arrival_equal_the_whole_pass()
    {
        OnnxModel model = SmallModels.ConvReluConv();
        using GaussianSamples samples = Samples();
        using ModelSession session = Calibrator.OpenTapped(model, Taps, 1);
        List<BlockStatistics> blocks = [];
        for (int start = 0; start < samples.Count; start += 4)
            blocks.Add(Calibrator.CalibrateBlock(session, Taps, samples, start..Math.Min(start + 4, samples.Count), 1, default));
        byte[] whole = Bytes(Calibrator.Calibrate(model, Taps, samples, new CalibrationSettings { BlockSize = 4 }, null, default));
        for (int seed = 0; seed < 5; seed++)
        {
            BlockStatistics[] shuffled = [.. blocks];
            new Random(seed).Shuffle(shuffled);
            Assert.Equal(whole, Bytes(CalibrationStatistics.Merge(shuffled)));
        }
    }

    [Fact]
    public void A_sample_counted_twice_is_an_error()
    {
        using ModelSession session = Calibrator.OpenTapped(SmallModels.ConvReluConv(), Taps, 1);
        BlockStatistics first = Calibrator.CalibrateBlock(session, Taps, Samples(), 0..4, 1, default);
        BlockStatistics second = Calibrator.CalibrateBlock(session, Taps, Samples(), 3..6, 1, default);
        Assert.Throws<ArgumentException>(() => CalibrationStatistics.Merge([second, first]));
    }

    [Fact]
    public void Fewer_samples_can_be_asked_for()
    {
        CalibrationSettings settings = new() { MaxSamples = 5, BlockSize = 2, Workers = 2 };
        CalibrationStatistics statistics = Calibrator.Calibrate(SmallModels.ConvReluConv(), Taps, Samples(), settings, null, default);
        Assert.Equal(5, statistics.Samples);
        Assert.Equal(5 * 3 * 256, statistics.Tensors["x"].Count);
    }

    [Fact]
    public void Cancelling_stops_the_pass()
    {
        using CancellationTokenSource stop = new();
        OnDone progress = new(p =>
        {
            if (p.Samples == 3)
                stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Calibrator.Calibrate(
            SmallModels.ConvReluConv(), Taps, Samples(), new CalibrationSettings { Workers = 2 }, progress, stop.Token));
        Assert.True(progress.Last < 21);
    }

    [Fact]
    public void A_sample_the_model_cannot_run_is_named()
    {
        using WrongAt broken = new(Samples(), 5);
        QuantException error = Assert.Throws<QuantException>(() => Calibrator.Calibrate(
            SmallModels.ConvReluConv(), Taps, broken, new CalibrationSettings { Workers = 3, BlockSize = 2 }, null, default));
        Assert.StartsWith("sample 5: ", error.Message);
    }

    [Fact]
    public void A_tensor_the_model_does_not_have_cannot_be_tapped() =>
        Assert.Throws<ArgumentException>(() => Calibrator.Tap(SmallModels.ConvReluConv(), [new TapRequest("nowhere")]));

    private static byte[] Bytes(CalibrationStatistics statistics)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(statistics, stream);
        return stream.ToArray();
    }

    private sealed class OnDone(Action<CalibrationProgress> action) : IProgress<CalibrationProgress>
    {
        public int Last { get; private set; }

        public void Report(CalibrationProgress value)
        {
            Last = value.Samples;
            action(value);
        }
    }

    private sealed class WrongAt(IDataset good, int bad) : IDataset
    {
        public int Count => good.Count;

        public Sample Read(int index) => index != bad
            ? good.Read(index)
            : new Sample(index, new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats([1, 2], [1f, 2f]) });

        public void Dispose() => good.Dispose();
    }
}
