using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Tests.Search;

public class SearchConfigurationTests
{
    [Fact]
    public void Equal_choices_have_equal_hashes_however_they_were_come_by()
    {
        SearchConfiguration one = SearchConfiguration.AllFloat.With("a", LayerChoice.Int8).With("b", LayerChoice.Int8).WithRange("t", new RangeCandidate("mse"));
        SearchConfiguration other = SearchConfiguration.AllFloat.WithRange("t", new RangeCandidate("mse", 0.9)).With("b", LayerChoice.Int8)
            .With("c", LayerChoice.Int8).With("a", LayerChoice.Int8).With("c", LayerChoice.Float).WithRange("t", new RangeCandidate("mse"));
        Assert.Equal(one, other);
        Assert.Equal(one.Hash, other.Hash);
        Assert.Equal(["a", "b"], other.Quantized);
    }

    [Fact]
    public void Any_other_choice_has_another_hash()
    {
        SearchConfiguration one = SearchConfiguration.AllFloat.With("a", LayerChoice.Int8).WithRange("t", new RangeCandidate("mse"));
        SearchConfiguration[] others =
        [
            one, one.With("a", LayerChoice.Float), one.With("b", LayerChoice.Int8), one.WithRange("t", null), one.WithRange("t", new RangeCandidate("mse", 1.1)),
            one.With("a", Corrected(1, 0.5f)), one.With("a", Corrected(2, 0.5f)), one.With("a", Corrected(1, 0.25f)),
        ];
        Assert.Equal(others.Length, others.Select(o => o.Hash).Distinct().Count());
    }

    [Fact]
    public void Without_corrections_the_layers_and_ranges_stay()
    {
        SearchConfiguration one = SearchConfiguration.AllFloat.With("a", Corrected(1, 1)).WithRange("t", new RangeCandidate("mse"));
        Assert.Equal(SearchConfiguration.AllFloat.With("a", LayerChoice.Int8).WithRange("t", new RangeCandidate("mse")), one.WithoutCorrections());
    }

    private static LayerChoice Corrected(sbyte value, float bias) => LayerChoice.Int8.With(
        LayerCorrection.Bias, new CorrectedLayer(new QuantizedWeight(IntegerType.Int8, 0, [0.1f], [value]), [bias]));
}
