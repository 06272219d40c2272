using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Search.WeightOnly;

namespace QuantCluster.Tests.Search.WeightOnly;

public class WeightOnlyChoiceTests
{
    private static readonly QuantizedWeight Weight = new(IntegerType.Int8, 0, [1], [1]);

    [Fact]
    public async Task All_weights_are_stored_where_the_error_allows_it_for_one_measurement()
    {
        (IReadOnlyList<StorableWeight> kept, int measured) = await ChooseAsync(limit: 2, ("a", 100, 0.3), ("b", 100, 0.5));
        Assert.Equal(2, kept.Count);
        Assert.Equal(1, measured);
    }

    [Fact]
    public async Task Those_stay_float_that_cost_most_error_for_their_bytes()
    {
        (IReadOnlyList<StorableWeight> kept, _) = await ChooseAsync(limit: 1.5, ("small", 10, 0.4), ("large", 1000, 0.4), ("harmless", 10, 0.01), ("harmful", 100, 5));
        Assert.Equal(["large", "harmless"], kept.Select(k => k.Id));
    }

    [Fact]
    public async Task None_is_stored_where_the_error_allows_none() =>
        Assert.Empty((await ChooseAsync(limit: 1.1, ("a", 100, 0.3), ("b", 100, 0.5))).Kept);

    [Theory]
    [InlineData(1, 1, 1.1)]
    [InlineData(1, 2, 1.1)]
    [InlineData(1, 8, 2)]
    public void A_model_far_better_than_the_one_on_integers_has_error_to_spare(double error, double onIntegers, double limit) =>
        Assert.Equal(limit, WeightOnlyChoice.Limit(error, onIntegers), 12);

    /// <summary>The model's error is 1; each weight adds its own.</summary>
    private static async Task<(IReadOnlyList<StorableWeight> Kept, int Measured)> ChooseAsync(double limit, params (string Id, long Saved, double Error)[] weights)
    {
        int measured = 0;
        IReadOnlyList<StorableWeight> kept = await WeightOnlyChoice.ChooseAsync(
            [.. weights.Select(w => new StorableWeight(w.Id, Weight, w.Saved))], 1, limit, sets =>
            {
                measured += sets.Count;
                return Task.FromResult<double[]>([.. sets.Select(s => 1 + s.Sum(w => weights.Single(x => x.Id == w.Id).Error))]);
            });
        return (kept, measured);
    }
}
