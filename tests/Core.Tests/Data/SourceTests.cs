using System.IO.Compression;
using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Data;

public sealed class SourceTests : IDisposable
{
    private static readonly float[] Six = [1, 2, 3, 4, 5, 6];

    private readonly DataFolder _folder = new();

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void An_npz_gives_the_array_of_the_inputs_name(CompressionLevel level)
    {
        WriteNpz("d.npz", level, ("other.npy", DataFolder.NpyBytes<float>("<f4", [1, 1], [9])), ("x.npy", DataFolder.NpyBytes<float>("<f4", [2, 3], Six)));
        Assert.Equal([4, 5, 6], Floats("""{"file": "d.npz"}""", 1, -1, 3));
        Assert.Equal([9], Floats("""{"file": "d.npz", "key": "other"}""", 0, -1, -1));
    }

    [Fact]
    public void A_folder_of_npy_gives_its_files_in_order_each_one_record_or_several()
    {
        _folder.Npy<float>("d/a.npy", "<f4", [2, 3], Six);
        _folder.Npy<float>("d/b.npy", "<f4", [3], [7, 8, 9]);
        _folder.Npy<float>("d/c.npy", "<f4", [0, 3], []);
        _folder.Npy<float>("d/e.npy", "<f4", [1, 3], [0, 0, 1]);
        float[][] records = [.. Enumerable.Range(0, 4).Select(i => Floats("""{"file": "d"}""", i, -1, 3))];
        Assert.Equal([[1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 1]], records);
    }

    [Fact]
    public void A_raw_file_is_cut_into_records_of_the_given_type_and_shape()
    {
        _folder.Write("d.bin", MemoryMarshal.AsBytes<short>([1, -2, 3, -4]));
        Assert.Equal([3, -4], Floats("""{"file": "d.bin", "dtype": "int16", "shape": [2]}""", 1, -1, 2));
    }

    [Fact]
    public void Token_lines_keep_their_own_lengths_or_are_padded()
    {
        _folder.Write("d.jsonl", "[1, 2, 3]\n\n  \r\n[4]\n[5, 6]");
        Assert.Equal([4], Longs("""{"file": "d.jsonl"}""", 1, out long[] shape));
        Assert.Equal([1, 1], shape);
        Assert.Equal([5, 6, -1, -1], Longs("""{"file": "d.jsonl", "pad_to": 4, "pad_value": -1}""", 2, out shape));
        Assert.Equal([1, 4], shape);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_ONNX_test_tensor_gives_its_records(bool raw)
    {
        TensorProto tensor = Tensors.FromFloats("x", [2, 3], Six);
        if (!raw)
        {
            tensor.ClearRawData();
            tensor.FloatData.AddRange(Six);
        }

        _folder.Write("d.pb", tensor.ToByteArray());
        Assert.Equal([4, 5, 6], Floats("""{"file": "d.pb"}""", 1, -1, 3));
    }

    [Fact]
    public void Test_data_sets_come_in_the_order_of_their_numbers()
    {
        for (int set = 0; set < 11; set++)
            _folder.Write($"d/test_data_set_{set}/input_0.pb", Tensors.FromFloats("", [1, 1], [set]).ToByteArray());
        Assert.Equal([10], Floats("""{"file": "d"}""", 10, -1, 1));
    }

    [Fact]
    public void Halves_doubles_bools_and_integers_become_the_float_that_the_model_wants()
    {
        _folder.Npy<Half>("h.npy", "<f2", [1, 2], [(Half)0.5, (Half)(-2)]);
        _folder.Npy<double>("d.npy", "<f8", [1, 2], [0.1, 1e10]);
        _folder.Npy<byte>("b.npy", "|b1", [1, 2], [1, 0]);
        _folder.Npy<ulong>("u.npy", "<u8", [1, 2], [ulong.MaxValue, 3]);
        Assert.Equal([0.5f, -2], Floats("""{"file": "h.npy"}""", 0, -1, 2));
        Assert.Equal([0.1f, 1e10f], Floats("""{"file": "d.npy"}""", 0, -1, 2));
        Assert.Equal([1, 0], Floats("""{"file": "b.npy"}""", 0, -1, 2));
        Assert.Equal([ulong.MaxValue, 3], Floats("""{"file": "u.npy"}""", 0, -1, 2));
    }

    [Fact]
    public void A_record_may_be_the_whole_input_of_a_model_without_a_batch()
    {
        _folder.Npy<float>("d.npy", "<f4", [2, 3], Six);
        Assert.Equal([4, 5, 6], Floats("""{"file": "d.npy"}""", 1, 3));
    }

    [Fact]
    public void Reading_from_many_threads_gives_the_same_bytes()
    {
        float[] values = [.. Enumerable.Range(0, 4096).Select(i => (float)i)];
        WriteNpz("d.npz", CompressionLevel.Fastest, ("x.npy", DataFolder.NpyBytes<float>("<f4", [256, 16], values)));
        using IDataset data = Open("""{"file": "d.npz"}""", ElementType.Float, -1, 16);
        Parallel.For(0, 2048, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            Assert.Equal(values.AsSpan(i % 256 * 16, 16), data.Read(i % 256).Inputs["x"].Floats));
    }

    public void Dispose() => _folder.Dispose();

    private void WriteNpz(string name, CompressionLevel level, params (string Entry, byte[] Bytes)[] entries)
    {
        using ZipArchive archive = ZipFile.Open(_folder.Path(name), ZipArchiveMode.Create);
        foreach ((string entry, byte[] bytes) in entries)
        {
            using Stream stream = archive.CreateEntry(entry, level).Open();
            stream.Write(bytes);
        }
    }

    private float[] Floats(string input, int index, params long[] shape)
    {
        using IDataset data = Open(input, ElementType.Float, shape);
        return data.Read(index).Inputs["x"].Floats.ToArray();
    }

    private long[] Longs(string input, int index, out long[] shape)
    {
        using IDataset data = Open(input, ElementType.Int64, -1, -1);
        DenseTensor tensor = data.Read(index).Inputs["x"];
        shape = tensor.Shape;
        return MemoryMarshal.Cast<byte, long>(tensor.Bytes.Span).ToArray();
    }

    private IDataset Open(string input, ElementType type, params long[] shape) => Datasets.Open(
        DatasetSpec.Load(_folder.Write("spec.json", $$"""{"inputs": {"x": {{input}} } }""")), [DataFolder.Input("x", type, shape)]);
}
