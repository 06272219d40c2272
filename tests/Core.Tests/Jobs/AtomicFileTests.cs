using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Many_writers_of_one_path_at_once_all_succeed_and_one_whole_file_is_there_at_any_time()
    {
        byte[][] contents = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Repeat((byte)('a' + i), 50_000 + i).ToArray())];
        string path = _folder["out.onnx"];
        AtomicFile.Write(path, contents[0]);
        using CancellationTokenSource end = new();
        Task<int> reader = Task.Run(() =>
        {
            int read = 0;
            for (; !end.IsCancellationRequested; read++)
            {
                byte[] seen = File.ReadAllBytes(path);
                Assert.Contains(contents, c => c.AsSpan().SequenceEqual(seen));
            }

            return read;
        });
        await Task.WhenAll(contents.Select((content, i) => Task.Run(() =>
        {
            for (int round = 0; round < 25; round++)
            {
                AtomicFile.EnsureWritable(path, "--out");
                if (i % 2 == 0)
                    AtomicFile.Write(path, content);
                else
                    AtomicFile.Write(path, stream => stream.Write(content));
            }
        })));
        await end.CancelAsync();
        Assert.True(await reader > 0);
        Assert.Equal([path], Directory.EnumerateFiles(_folder.Path));
    }

    [Fact]
    public void What_another_is_just_writing_is_neither_in_the_way_nor_harmed()
    {
        string path = _folder["out.onnx"];
        AtomicFile.Write(path, stream =>
        {
            stream.Write("first "u8);
            stream.Flush();
            AtomicFile.EnsureWritable(path, "--out");
            AtomicFile.Write(path, "another's"u8);
            Assert.Equal("another's", File.ReadAllText(path));
            stream.Write("and whole"u8);
        });
        Assert.Equal("first and whole", File.ReadAllText(path));
        Assert.Equal([path], Directory.EnumerateFiles(_folder.Path));
    }

    [Fact]
    public void What_a_killed_process_left_of_a_file_is_removed_by_the_next_and_nothing_else_is()
    {
        string[] others = [".other.onnx.0123abcd.quant-part", ".out.onnx.data.0123abcd.quant-part", ".out.onnx.quant-part", "out.onnx.0123abcd.quant-part"];
        foreach (string file in (string[])[".out.onnx.0123abcd.quant-part", ".out.onnx.9876fedc.quant-part", .. others])
            File.WriteAllText(_folder[file], "half");
        AtomicFile.EnsureWritable(_folder["out.onnx"], "--out");
        Assert.Equal(others.Order(StringComparer.Ordinal), Names());

        File.WriteAllText(_folder[".out.onnx.0123abcd.quant-part"], "half");
        AtomicFile.Write(_folder["out.onnx"], "whole"u8);
        Assert.Equal(others.Append("out.onnx").Order(StringComparer.Ordinal), Names());
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there_and_nothing_half_written()
    {
        AtomicFile.Write(_folder["out.onnx"], "before"u8);
        QuantException e = Assert.Throws<QuantException>(() => AtomicFile.Write(_folder["out.onnx"], stream =>
        {
            stream.Write("half"u8);
            throw new IOException("No space left on device");
        }));
        Assert.Equal((ExitCode.CannotWrite, $"{_folder["out.onnx"]}: cannot be written: No space left on device"), (e.Code, e.Message));
        Assert.Equal(["out.onnx"], Names());
        Assert.Equal("before", File.ReadAllText(_folder["out.onnx"]));
    }

    public void Dispose() => _folder.Dispose();

    private IEnumerable<string?> Names() => Directory.EnumerateFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
