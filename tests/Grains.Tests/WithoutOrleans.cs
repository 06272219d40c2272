namespace QuantCluster.Tests;

public sealed class WithoutOrleans
{
    [Fact(Skip = "This build has no Orleans (UseOrleans is false: see eng/probe): none of its tests ran.")]
    public void Orleans_is_not_in_this_build()
    {
    }
}
