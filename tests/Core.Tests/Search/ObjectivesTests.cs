using QuantCluster.Search;
using QuantCluster.Search.Objectives;

namespace QuantCluster.Tests.Search;

public class ObjectivesTests
{
    [Fact]
    public void A_model_that_is_equal_has_no_error()
    {
        SampleError[][] equal = [[new SampleError(true, 0, 0, 4, 4, 4, 0)], [new SampleError(true, 0, 0, 9, 9, 9, 0)]];
        Assert.All(SearchObjectives.All, o => Assert.All(o.Errors(equal), e => Assert.Equal(0, e, 12)));
    }

    [Fact]
    public void Auto_takes_divergence_of_distributions_and_relative_squares_of_the_rest()
    {
        SampleError[][] samples = [[new SampleError(true, 0.5, 7, 1, 1, 1), new SampleError(false, 9, 2, 8, 8, 8)]];
        Assert.Equal([0.5 + (2.0 / 8)], SearchObjectives.Get("auto").Errors(samples));
        Assert.Equal([9.5], SearchObjectives.Get("kl").Errors(samples));
        Assert.Equal([7 + 0.25], SearchObjectives.Get("sqnr").Errors(samples));
    }

    [Fact]
    public void Relative_squares_are_relative_to_all_samples_so_that_their_mean_is_the_noise_to_signal_ratio()
    {
        SampleError[][] samples = [[new SampleError(false, 0, 1, 2, 2, 2)], [new SampleError(false, 0, 3, 6, 6, 6)]];
        Assert.Equal((1.0 + 3) / (2 + 6), SearchObjectives.Get("sqnr").Errors(samples).Average(), 12);
    }

    [Fact]
    public void Cosine_is_blind_to_scale()
    {
        SampleError twice = new(false, 0, 1, 1, 4, 2);
        Assert.Equal(0, SearchObjectives.Get("cosine").Errors([[twice]])[0], 12);
        Assert.Equal(1, SearchObjectives.Get("cosine").Errors([[twice with { Product = 0 }]])[0], 12);
    }

    [Fact]
    public void An_unknown_objective_is_told_with_those_there_are() =>
        Assert.Contains("cosine", Assert.Throws<QuantException>(() => SearchObjectives.Get("mse")).Message);
}
