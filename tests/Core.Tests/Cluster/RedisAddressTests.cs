using QuantCluster.Cluster;

namespace QuantCluster.Tests.Cluster;

public sealed class RedisAddressTests
{
    [Theory]
    [InlineData("redis.example:6380,password=p,ssl=true", "redis.example:6380,password=p,ssl=true")]
    [InlineData("redis://host", "host:6379")]
    [InlineData("rediss://host:6380/", "host:6380,ssl=true")]
    [InlineData("rediss://:secret@host:6380", "host:6380,password=secret,ssl=true")]
    [InlineData("rediss://me:a%40b@host:6380,sslHost=other", "host:6380,user=me,password=a@b,ssl=true,sslHost=other")]
    public void A_server_may_be_named_by_a_URI(string address, string expected) => Assert.Equal(expected, RedisAddress.Parse(address));

    [Theory]
    [InlineData("rediss://")]
    [InlineData("redis://host:port")]
    [InlineData("redis://host/7")]
    public void What_only_begins_like_one_is_refused_without_repeating_its_password(string address) =>
        Assert.Equal(ExitCode.Usage, Assert.Throws<QuantException>(() => RedisAddress.Parse(address)).Code);
}
