using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Data;
using QuantCluster.Emission.Lint;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Emission;

/// <summary>What is planned as integers runs on integers in ONNX Runtime, and the answers stay close to float's.</summary>
public class IntegerKernelTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_perceptron_of_Gemms_runs_on_integers(bool transposed)
    {
        Network network = new();
        string x = network.Relu("r1", network.Gemm("a", network.Input("x", 4, 16), 16, 32, transposed: transposed));
        x = network.Relu("r2", network.Gemm("b", x, 32, 32, bias: false, transposed: transposed));
        Flow flow = Flow.Of(network.Build(network.Gemm("y", x, 32, 10, transposed: transposed)));
        Assert.Equal(["QGemm", "QGemm", "QGemm"], Kernels(flow, "a", "b", "y"));
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 25, 100);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-1)]
    public void A_perceptron_of_matrix_products_and_Adds_runs_on_integers(long batch)
    {
        Network network = new();
        string x = network.Relu("r1", network.Bias("s1", network.MatMul("a", network.Input("x", batch, 16), 16, 32), 32));
        x = network.Bias("s2", network.MatMul("b", x, 32, 32), 32, first: true);
        x = network.Node("Tanh", "t", [x]);
        OnnxModel model = network.Build(network.Bias("y", network.MatMul("c", x, 32, 10), 10));
        Flow flow = Prepared(model, new GaussianSamples(6, "x", 4, 16));
        Assert.Equal(["QGemm", "QGemm", "QGemm"], Kernels(flow, "a", "b", "c"));
        Assert.InRange(Flow.Sqnr(model, flow.Emit(), flow.Data), 25, 100);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_transformers_products_run_on_integers_whether_shapes_are_fixed_or_not(long batch)
    {
        Network network = new();
        string x = network.Input("x", batch, 6, 16);
        string up = network.Bias("s1", network.MatMul("up", x, 16, 32), 32);
        string down = network.Bias("s2", network.MatMul("down", network.Node("Tanh", "t", [up]), 32, 16), 16);
        string normal = network.Node("LayerNormalization", "norm", [network.Node("Add", "sum", [x, down]), network.Weight("g", 1, 16), network.Weight("h", 1, 16)]);
        // A constant for every position is no bias.
        string placed = network.Node("Add", "placed", [network.MatMul("place", normal, 16, 16), network.Weight("positions", 1, 6, 16)]);
        OnnxModel model = network.Build(network.Bias("y", network.MatMul("head", placed, 16, 4), 4));
        Flow flow = Prepared(model, new GaussianSamples(6, "x", 1, 6, 16));
        Assert.Equal(4, flow.Plan.Layers.Count);
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(model, flow.Emit(), flow.Data), 25, 100);
        Assert.Equal([1, 6, 4], ShapeOfOutput(flow.Emit(), flow.Data.Read(0)));
    }

    [Fact]
    public void A_Gemm_in_front_of_a_Relu_that_only_floats_read_runs_on_integers()
    {
        Network network = new();
        string a = network.Relu("r", network.Gemm("a", network.Input("x", 4, 16), 16, 32));
        string b = network.Clip("c", network.Gemm("b", a, 32, 32), -1, 1);
        Flow flow = Flow.Of(network.Build(network.Node("Sub", "y", [network.Node("Exp", "e", [b]), network.Node("Tanh", "t", [a])])));
        Assert.Equal(["QGemm", "QGemm"], Kernels(flow, "a", "b"));
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 25, 100);
    }

    [Fact]
    public void A_Gemm_in_front_of_a_Relu_that_is_the_output_stays_float()
    {
        Network network = new();
        string a = network.Relu("r", network.Gemm("a", network.Input("x", 4, 16), 16, 32));
        Flow flow = Flow.Of(network.Build(network.Relu("y", network.Gemm("b", a, 32, 32))));
        Assert.Equal(("b", "its output is the model's output, which stays float"), (flow.Plan.FloatLayers.Single().Id, flow.Plan.FloatLayers[0].Reason));
        flow.AssertIntegerKernels();
    }

    [Fact]
    public void A_mobile_network_runs_on_integers_from_end_to_end()
    {
        Network network = new();
        string x = network.Clip("c1", network.Conv("stem", network.Input("x", 1, 3, 16, 16), 3, 8, stride: 2), 0, 6);
        string y = network.Clip("c2", network.Conv("expand", x, 8, 24, kernel: 1), 0, 6);
        y = network.Clip("c3", network.Conv("depth", y, 24, 24, group: 24), 0, 6);
        string sum = network.Node("Add", "sum", [x, network.Conv("project", y, 24, 8, kernel: 1)]);
        string head = network.Clip("c4", network.Conv("head", sum, 8, 16, kernel: 1), 0, 6);
        string pooled = network.Node("Flatten", "flat", [network.Node("GlobalAveragePool", "pool", [head])]);
        Flow flow = Flow.Of(network.Build(network.Gemm("y", pooled, 16, 10)));
        Assert.Empty(flow.Plan.FloatLayers);
        Assert.Equal(["sum", "pool", "flat"], flow.Plan.IntegerNodes);
        LintReport report = flow.AssertIntegerKernels();
        Assert.Equal((1, 0), (report.QuantizesLeft!.Value, report.DequantizesLeft!.Value));
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 20, 100);
    }

    [Fact]
    public void The_digits_sample_runs_on_integers_and_answers_as_before()
    {
        DatasetSpec calibration = DatasetSpec.Load(Samples.Path("digits/calib.json")), evaluation = DatasetSpec.Load(Samples.Path("digits/eval.json"));
        OnnxModel model = OnnxModel.Load(calibration.Model!);
        using ModelSession session = ModelSession.Create(model, new SessionSettings());
        using IDataset data = Datasets.Open(calibration, session.Inputs), eval = Datasets.Open(evaluation, session.Inputs);
        Flow flow = Prepared(model, new First(data, 32));
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(model, flow.Emit(), new First(eval, 64)), 25, 100);
    }

    [Fact]
    public void Random_convolutional_networks_stay_close_to_float() => Property(seed =>
    {
        Random random = new(seed);
        Network network = new(seed);
        int channels = 3;
        string x = network.Input("x", 1, channels, 12, 12);
        int depth = random.Next(2, 6);
        for (int i = 0; i < depth; i++)
        {
            int next = random.Next(2, 5) * 4;
            string y = network.Conv($"conv{i}", x, channels, next, kernel: random.Next(2) * 2 + 1, bias: random.Next(2) == 0);
            y = random.Next(5) switch
            {
                0 => network.Clip($"act{i}", y, 0, 6),
                1 => network.Node("HardSwish", $"act{i}", [y]),
                2 => network.Node("Sigmoid", $"act{i}", [y]),
                _ => network.Relu($"act{i}", y),
            };
            x = random.Next(5) switch
            {
                0 => network.Node("MaxPool", $"pool{i}", [y], Nodes.Ints("kernel_shape", 2, 2)),
                1 => network.Pad($"pad{i}", y, 0, 0, 1, 0, 0, 0, 0, 1),
                2 => network.Node("Add", $"sum{i}", [y, network.Relu($"branch.r{i}", network.Conv($"branch{i}", y, next, next))]),
                3 => network.Node("Concat", $"join{i}", [y, network.Conv($"beside{i}", y, next, next, kernel: 1)], Nodes.Int("axis", 1)),
                _ => y,
            };
            channels = x == $"join{i}" ? 2 * next : next;
        }

        string pooled = network.Node("Flatten", "flat", [network.Node("GlobalAveragePool", "gap", [x])]);
        return network.Build(network.Gemm("y", pooled, channels, 5));
    });

    [Fact]
    public void A_Clip_of_any_upper_end_is_swallowed_when_values_reach_it() => Property(seed =>
    {
        Random random = new(seed);
        Network network = new(seed);
        string x = network.Input("x", 1, 3, 6, 6);
        string[] parts = [.. Enumerable.Range(0, 6).Select(i => network.Clip($"clip{i}", network.Conv($"conv{i}", x, 3, 4, bias: false), 0, (float)Math.Pow(10, (random.NextDouble() * 3) - 2)))];
        return network.Build(network.Gemm("y", network.Node("Flatten", "flat", [network.Node("Concat", "joined", parts, Nodes.Int("axis", 1))]), 24 * 36, 5));
    });

    [Fact]
    public void Random_perceptrons_stay_close_to_float() => Property(seed =>
    {
        Random random = new(seed);
        Network network = new(seed);
        int width = 16;
        string x = random.Next(2) == 0 ? network.Input("x", 3, width) : network.Input("x", 1, 3, width);
        bool matrix = network.Proto.Graph.Input[0].Type.TensorType.Shape.Dim.Count == 2;
        for (int i = 0; i < random.Next(2, 6); i++)
        {
            int next = random.Next(2, 7) * 8;
            string y = matrix && random.Next(2) == 0
                ? network.Gemm($"fc{i}", x, width, next, bias: random.Next(3) > 0, transposed: random.Next(2) == 0)
                : random.Next(3) == 0 ? network.MatMul($"fc{i}", x, width, next) : network.Bias($"sum{i}", network.MatMul($"fc{i}", x, width, next), next, random.Next(2) == 0);
            x = random.Next(4) switch
            {
                0 => network.Node("Tanh", $"act{i}", [y]),
                1 => network.Clip($"act{i}", y, 0, 6),
                _ => network.Relu($"act{i}", y),
            };
            width = next;
        }

        return network.Build(network.Bias("y", network.MatMul("last", x, width, 7), 7));
    });

    private static void Property(Func<int, OnnxModel> network) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(6),
        Prop.ForAll(Gen.Choose(0, 1_000_000).ToArbitrary(), seed =>
        {
            OnnxModel model = network(seed);
            Flow flow = Prepared(model, Flow.Inputs(model, 5));
            flow.AssertIntegerKernels();
            double sqnr = Flow.Sqnr(model, flow.Emit(), flow.Data);
            Assert.True(sqnr > 20, $"{sqnr} dB");

            // And so with some layers left float.
            HashSet<string> floats = [.. flow.Plan.Layers.Select(l => l.Id).Where((_, i) => (seed >> i) % 2 == 1)];
            if (floats.Count == 0 || floats.Count == flow.Plan.Layers.Count)
                return;
            Flow mixed = Flow.Of(flow.Model, flow.Data, settings: new PlanSettings { KeepFloat = floats });
            mixed.AssertIntegerKernels();
            sqnr = Flow.Sqnr(model, mixed.Emit(), flow.Data);
            Assert.True(sqnr > 20, $"{sqnr} dB with {string.Join(", ", floats)} in float");
        }));

    private static Flow Prepared(OnnxModel model, IDataset data) =>
        Flow.Of(Preparer.Prepare(model, data.Read(0), new PreparationSettings()).Model, data, new RangeSettings { Method = "minmax" });

    private static string[] Kernels(Flow flow, params string[] nodes)
    {
        LintReport report = flow.AssertIntegerKernels();
        return [.. nodes.Select(n => report.Nodes.Single(v => v.Node == n).Actual!.Value.Operator)];
    }

    private static long[] ShapeOfOutput(OnnxModel model, Sample sample)
    {
        using ModelSession session = ModelSession.Create(model, new SessionSettings());
        using RunResult result = session.Run(sample);
        return result.ShapeOf(0);
    }

    private sealed class First(IDataset data, int count) : IDataset
    {
        public int Count => Math.Min(count, data.Count);

        public Sample Read(int index) => data.Read(index);

        public void Dispose()
        {
        }
    }
}
