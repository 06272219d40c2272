using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class JournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Records_are_there_after_reopening()
    {
        using (Journal journal = Journal.Open(_folder["j"]))
            journal.Append(Record("a"));
        using Journal again = Journal.Open(_folder["j"]);
        Assert.Equal("blob-a", again.Find("a")!.Outputs["result"]);
        Assert.Null(again.Find("b"));
    }

    [Fact]
    public void A_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on()
    {
        using (Journal journal = Journal.Open(_folder["j"]))
        {
            journal.Append(Record("a"));
            journal.Append(Record("b"));
        }

        byte[] whole = File.ReadAllBytes(_folder["j"]);
        int firstLine = Array.IndexOf(whole, (byte)'\n') + 1;
        for (int length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(_folder["cut"], whole[..length]);
            using (Journal cut = Journal.Open(_folder["cut"]))
            {
                Assert.Equal(length >= firstLine, cut.Find("a") is not null);
                Assert.Equal(length == whole.Length, cut.Find("b") is not null);
                cut.Append(Record("c"));
            }

            using Journal again = Journal.Open(_folder["cut"]);
            Assert.NotNull(again.Find("c"));
            Assert.Equal(length >= firstLine, again.Find("a") is not null);
        }
    }

    [Fact]
    public void A_garbled_line_costs_only_itself()
    {
        using (Journal journal = Journal.Open(_folder["j"]))
            journal.Append(Record("a"));
        File.AppendAllText(_folder["j"], "\0\0\0\0{]\n{}\nnull\n");
        using (Journal journal = Journal.Open(_folder["j"]))
            journal.Append(Record("b"));
        using Journal again = Journal.Open(_folder["j"]);
        Assert.NotNull(again.Find("a"));
        Assert.NotNull(again.Find("b"));
    }

    public void Dispose() => _folder.Dispose();

    private static JournalRecord Record(string key) => new(key, "test", new() { ["result"] = "blob-" + key }, 0.5);
}
