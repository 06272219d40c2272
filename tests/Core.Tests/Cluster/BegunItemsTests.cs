using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Cluster;

public sealed class BegunItemsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly JobStore _store;
    private readonly WorkItem _item = new("kind", "7", "input");

    public BegunItemsTests()
    {
        _store = JobStore.Open(_folder.Path);
        Directory.CreateDirectory(Path.Combine(_store.Jobs, "job-1"));
    }

    private BegunItems Begun => new(_store, "job-1");

    [Fact]
    public void What_was_begun_five_times_and_never_ended_is_quarantined_whoever_counts()
    {
        for (int i = 0; i < BegunItems.MaximumDeaths; i++)
        {
            Assert.Equal(i >= 2, Begun.IsSuspect(_item.Key));
            Assert.Null(Begun.Begin(_item));
        }

        Assert.StartsWith("kind 7: 5 workers died with it, so it is quarantined", Begun.Begin(_item));
        Assert.Null(Begun.Begin(new WorkItem("kind", "8", "input")));
    }

    [Fact]
    public void What_ended_is_as_if_it_had_not_begun()
    {
        for (int i = 0; i < 20; i++)
        {
            Assert.Null(Begun.Begin(_item));
            Begun.End(_item);
        }

        Assert.False(Begun.IsSuspect(_item.Key));
        Begun.Begin(_item);
        Begun.Clear();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_store.Jobs, "job-1")));
    }

    [Theory]
    [InlineData("../job-1")]
    [InlineData("no-such-job")]
    public void Of_what_is_no_job_nothing_is_kept(string job)
    {
        BegunItems begun = new(_store, job);
        Assert.Null(begun.Begin(_item));
        begun.End(_item);
        Assert.Equal(["job-1"], Directory.EnumerateDirectories(_store.Jobs).Select(Path.GetFileName));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_store.Jobs, "job-1")));
    }

    public void Dispose() => _folder.Dispose();
}
