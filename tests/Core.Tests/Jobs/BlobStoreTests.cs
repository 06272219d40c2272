using System.Text;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class BlobStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_blob_is_named_by_its_content_and_comes_back_whole()
    {
        FolderBlobStore store = new(_folder["blobs"]);
        BlobId id = await store.PutAsync("abc"u8.ToArray());
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", id.Value);
        Assert.Equal("abc", Encoding.UTF8.GetString(await store.GetAsync(id)));
        Assert.Equal(id, await store.PutAsync("abc"u8.ToArray()));
    }

    [Fact]
    public async Task A_damaged_blob_is_noticed_and_mended_by_putting_it_again()
    {
        FolderBlobStore store = new(_folder["blobs"]);
        BlobId id = await store.PutAsync("abc"u8.ToArray());
        File.WriteAllText(store.PathOf(id), "abd");
        Assert.False(await store.IsIntactAsync(id));
        QuantException e = await Assert.ThrowsAsync<QuantException>(async () => await store.GetAsync(id));
        Assert.Contains("is damaged", e.Message);
        await store.PutAsync("abc"u8.ToArray());
        Assert.True(await store.IsIntactAsync(id));
    }

    [Fact]
    public async Task What_a_killed_writer_left_is_no_blob_and_is_cleared_away()
    {
        FolderBlobStore store = new(_folder["blobs"]);
        string left = Path.Combine(_folder["blobs"], "unfinished", "0123");
        File.WriteAllText(left, "ab");
        Assert.False(await store.IsIntactAsync(BlobId.Of("abc"u8)));
        store.DiscardUnfinished();
        Assert.False(File.Exists(left));
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")]
    public void A_name_that_is_no_hash_is_refused(string name) => Assert.Throws<FormatException>(() => BlobId.Parse(name));

    [Fact]
    public async Task Many_writers_of_the_same_blob_do_not_disturb_each_other()
    {
        FolderBlobStore store = new(_folder["blobs"]);
        byte[] bytes = new byte[100_000];
        await Parallel.ForAsync(0, 64, async (i, c) => await store.PutAsync(bytes, c));
        Assert.Equal(bytes, await store.GetAsync(BlobId.Of(bytes)));
    }

    public void Dispose() => _folder.Dispose();
}
