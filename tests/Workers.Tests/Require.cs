using QuantCluster.Tests.Chaos;

namespace QuantCluster.Tests.Workers;

/// <summary>What a machine may lack; a test that needs it says so and is skipped.</summary>
internal static class Require
{
    public static void Redis() => Assert.SkipUnless(RedisServer.IsInstalled, RedisServer.Missing);
}
