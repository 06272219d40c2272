using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Orders;

namespace QuantCluster.Tests.Search;

public class LayerOrdersTests
{
    private static readonly LayerOrderContext Context = new(
        [.. "abcdef".Select((c, i) => new Layer($"{c}", $"{c}", "Conv", "x", "w", 0, null, "y", null, true, 1, i % 3))],
        "abcdef".Select((c, i) => (c, i)).ToDictionary(p => $"{p.c}", p => (double)(p.i * 5 % 6)),
        "abcdef".Select((c, i) => (c, i)).ToDictionary(p => $"{p.c}", p => (double)(p.i * p.i % 5)));

    [Fact]
    public void Every_order_is_a_permutation_and_always_the_same()
    {
        foreach (ILayerOrder order in LayerOrders.All.Append(LayerOrders.Get("random-7")))
        {
            Assert.Equal("abcdef".Select(c => $"{c}"), order.Arrange(Context).Order());
            Assert.Equal(order.Arrange(Context), LayerOrders.Get(order.Name).Arrange(Context));
        }
    }

    [Theory]
    [InlineData("topological", "abcdef")]
    [InlineData("reverse", "fedcba")]
    [InlineData("sensitivity-ascending", "afedcb")]
    [InlineData("sensitivity-descending", "bcdefa")]
    [InlineData("parameter-size", "cfbead")]
    [InlineData("latency-gain", "cdbeaf")]
    public void Orders_go_by_what_they_are_named_after(string name, string expected) =>
        Assert.Equal(expected, string.Concat(LayerOrders.Get(name).Arrange(Context)));

    [Fact]
    public void Random_orders_differ_by_their_seed() =>
        Assert.True(Enumerable.Range(0, 9).Select(s => string.Concat(LayerOrders.Get($"random-{s}").Arrange(Context))).Distinct().Count() > 6);

    [Fact]
    public void An_unknown_order_is_told_with_those_there_are() =>
        Assert.Contains("topological", Assert.Throws<QuantException>(() => LayerOrders.Get("alphabetical")).Message);

    [Theory]
    [InlineData(10, 32)]
    [InlineData(10, 10)]
    [InlineData(30, 12)]
    [InlineData(31, 7)]
    [InlineData(5, 1)]
    public void Steps_cover_an_order_once_and_end_layer_by_layer(int layers, int most)
    {
        string[] order = [.. Enumerable.Range(0, layers).Select(i => $"{i}")];
        IReadOnlyList<string[]> steps = ChainSteps.Cut(order, most);
        Assert.Equal(order, steps.SelectMany(s => s));
        Assert.InRange(steps.Count, 1, most);
        Assert.All(steps.TakeLast(most / 2), s => Assert.Single(s));
        Assert.All(steps, s => Assert.NotEmpty(s));
    }
}
