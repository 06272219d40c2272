using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Search.Sensitivity;

public sealed class SensitivityFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void What_is_written_is_read_back()
    {
        SensitivityResult result = new()
        {
            Model = "/models/é.onnx",
            ModelSha256 = "ab",
            Method = "auto",
            Granularity = "channel",
            Measure = "kl",
            Samples = [0, 6, 12],
            AllQuantized = 0.1 + 0.2,
            AllQuantizedStandardError = 1e-300,
            Layers =
            [
                new LayerSensitivity("p2o.Add.3", "conv/1", "Conv", 1L << 40, 9, 1.0 / 3, 0, double.PositiveInfinity, double.NaN, -1e-9, 2),
                new LayerSensitivity("<y>", "", "MatMul", 1, 2, 0.5, 0.25, 3, 4, 5, 6),
            ],
        };
        SensitivityFile.Save(result, _folder["s.json"]);
        SensitivityResult read = SensitivityFile.Load(_folder["s.json"]);
        Assert.Equal(result.Layers, read.Layers);
        Assert.Equal(result.Samples, read.Samples);
        Assert.Equal(result.AllQuantized, read.AllQuantized);
        Assert.Equal(SensitivityFile.ToBytes(result), SensitivityFile.ToBytes(read));
        Assert.Equal(1, read.Agreement);
    }

    [Theory]
    [InlineData("{\"format\": \"other/1\", \"model\": \"m\"}")]
    [InlineData("[1, 2]")]
    [InlineData("")]
    public void Other_files_are_refused_with_advice(string content)
    {
        File.WriteAllText(_folder["s.json"], content);
        QuantException e = Assert.Throws<QuantException>(() => SensitivityFile.Load(_folder["s.json"]));
        Assert.Equal($"{_folder["s.json"]}: not a sensitivity file (quantcluster.sensitivity/1). 'quant sensitivity --out' writes one.", e.Message);
    }

    [Fact]
    public void Rank_correlation_is_one_for_the_same_order_and_minus_one_for_the_opposite()
    {
        Assert.Equal(1, RankCorrelation.Spearman([1, 10, 100], [0.1, 0.2, 0.9]), 1e-12);
        Assert.Equal(-1, RankCorrelation.Spearman([1, 10, 100], [3, 2, -7]), 1e-12);
        Assert.Equal(double.NaN, RankCorrelation.Spearman([1, 1], [1, 2]));
    }

    [Fact]
    public void Ties_share_the_mean_of_their_ranks()
    {
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: covariance 4.5 of √(4.5 · 5).
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), RankCorrelation.Spearman([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12);
    }

    [Theory]
    [InlineData(48, 16)]
    [InlineData(96, 32)]
    [InlineData(1000, 16)]
    [InlineData(17, 16)]
    [InlineData(5, 16)]
    public void Samples_are_spread_over_the_data_and_see_every_kind_that_takes_turns(int count, int samples)
    {
        int[] chosen = new SensitivitySettings { Samples = samples }.Choose(count);
        Assert.Equal(Math.Min(count, samples), chosen.Length);
        Assert.Equal(chosen, chosen.Distinct().Order());
        Assert.InRange(chosen[^1], count * 8 / 10, count - 1);
        Assert.All(Enumerable.Range(0, 3), kind => Assert.Contains(chosen, i => i % 3 == kind));
    }

    public void Dispose() => _folder.Dispose();
}
