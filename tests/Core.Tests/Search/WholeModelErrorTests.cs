using QuantCluster.Onnx;
using QuantCluster.Search;
using QuantCluster.Tests.Calibration;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

public class WholeModelErrorTests
{
    private static readonly GaussianSamples Data = new(5, "x", 1, 3, 8);

    [Theory]
    [InlineData("values")]
    [InlineData("Softmax")]
    [InlineData("LogSoftmax")]
    public void The_model_itself_has_no_error(string end) => Assert.Equal(new double[5], Measure(Model(end), Model(end), 0, 1, 2, 3, 4));

    [Theory]
    [InlineData("Softmax")]
    [InlineData("LogSoftmax")]
    public void A_distribution_is_judged_by_its_divergence(string end)
    {
        OnnxModel reference = Model(end), candidate = Model(end, 1.3f);
        double[] errors = Measure(reference, candidate, 0, 3);
        int[] samples = [0, 3];
        for (int s = 0; s < 2; s++)
        {
            float[] p = Probabilities(reference, samples[s], end), q = Probabilities(candidate, samples[s], end);
            double divergence = p.Zip(q, (a, b) => a * Math.Log(a / (double)b)).Sum() / 3;
            Assert.Equal(divergence, errors[s], 1e-6);
            Assert.True(errors[s] > 0);
        }
    }

    [Fact]
    public void Values_are_judged_by_their_squared_error_relative_to_the_mean_energy()
    {
        OnnxModel reference = Model("values"), candidate = Model("values", 1.5f);
        double[] errors = Measure(reference, candidate, 0, 1, 2, 3, 4);
        double[] squares = new double[5], energies = new double[5];
        for (int s = 0; s < 5; s++)
        {
            float[] e = Flow.Run(reference, Data.Read(s))[0], a = Flow.Run(candidate, Data.Read(s))[0];
            squares[s] = e.Zip(a, (x, y) => Math.Pow((double)x - y, 2)).Sum();
            energies[s] = e.Sum(x => (double)x * x);
        }

        for (int s = 0; s < 5; s++)
            Assert.Equal(squares[s] / energies.Average(), errors[s], 1e-6);
        Assert.Equal(squares.Sum() / energies.Sum(), errors.Average(), 1e-6);
    }

    [Fact]
    public void Errors_are_those_of_each_sample_alone_and_outputs_add_up()
    {
        OnnxModel reference = Model("Softmax"), candidate = Model("Softmax", 1.3f);
        double[] together = Measure(reference, candidate, 0, 1, 2);
        for (int s = 0; s < 3; s++)
            Assert.Equal(Measure(reference, candidate, s)[0], together[s]);

        double[] both = Measure(Model("both"), Model("both", 1.3f), 0, 1, 2), values = Measure(Model("values"), Model("values", 1.3f), 0, 1, 2);
        for (int s = 0; s < 3; s++)
            Assert.Equal(together[s] + values[s], both[s], 1e-9);
    }

    [Fact]
    public void A_worse_candidate_has_a_larger_error()
    {
        OnnxModel reference = Model("both");
        double[] slight = Measure(reference, Model("both", 1.1f), 0, 1, 2), strong = Measure(reference, Model("both", 2f), 0, 1, 2);
        Assert.All(slight.Zip(strong), p => Assert.True(p.First < p.Second));
    }

    [Fact]
    public void Values_where_there_should_be_zeros_are_an_error() =>
        Assert.All(Measure(Model("values", 0), Model("values", 1), 0, 1), e => Assert.True(e > 0));

    [Fact]
    public void Threads_do_not_change_an_error()
    {
        OnnxModel reference = Model("both"), candidate = Model("both", 1.1f);
        Assert.Equal(new WholeModelError(reference, Data, [0, 1], 1).Measure(candidate, CancellationToken.None), new WholeModelError(reference, Data, [0, 1], 3).Measure(candidate, CancellationToken.None));
    }

    [Fact]
    public void Measuring_can_be_cancelled() => Assert.Throws<OperationCanceledException>(() =>
        new WholeModelError(Model("values"), Data, [0], 1).Measure(Model("values"), new CancellationToken(true)));

    private static OnnxModel Model(string end, float factor = 1)
    {
        Network network = new(3);
        string scaled = network.Node("Mul", "scaled", [network.MatMul("a", network.Input("x", 1, 3, 8), 8, 6), network.Scalar("factor", factor)]);
        return end switch
        {
            "values" => network.Build(scaled),
            "both" => network.Build(network.Node("Softmax", "y", [scaled], Nodes.Int("axis", -1)), scaled),
            _ => network.Build(network.Node(end, "y", [scaled], Nodes.Int("axis", -1))),
        };
    }

    private static float[] Probabilities(OnnxModel model, int sample, string end)
    {
        float[] values = Flow.Run(model, Data.Read(sample))[0];
        return end == "Softmax" ? values : [.. values.Select(MathF.Exp)];
    }

    private static double[] Measure(OnnxModel reference, OnnxModel candidate, params int[] samples) =>
        new WholeModelError(reference, Data, samples, 1).Measure(candidate, CancellationToken.None);
}
