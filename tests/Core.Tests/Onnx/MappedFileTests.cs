using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Preparation;

namespace QuantCluster.Tests.OnnxFormat;

public sealed class MappedFileTests : IDisposable
{
    private const int Width = 1024;
    private readonly TemporaryFolder _folder = new();
    private readonly float[] _weights = new float[Width * Width];

    public MappedFileTests()
    {
        Random random = new(3);
        for (int i = 0; i < _weights.Length; i++)
            _weights[i] = random.NextSingle() - 0.5f;
    }

    [Fact]
    public void Large_tensors_of_a_data_file_are_mapped_and_not_copied()
    {
        SaveApart();
        long before = GC.GetAllocatedBytesForCurrentThread();
        OnnxModel model = OnnxModel.Load(_folder["model.onnx"]);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(MappedFile.Holds(model.Graph.Initializer("w")!.RawData));
        Assert.False(MappedFile.Holds(model.Graph.Initializer("b")!.RawData));
        Assert.InRange(allocated, 0, _weights.Length);
        Assert.Equal(_weights, model.Graph.Initializer("w")!.ToFloats());
    }

    [Fact]
    public void A_mapped_tensor_reads_the_same_after_its_pages_were_given_back()
    {
        SaveApart();
        OnnxModel model = OnnxModel.Load(_folder["model.onnx"]);
        UnusedMemory.Return();
        Assert.Equal(_weights, model.Graph.Initializer("w")!.ToFloats());
        OnnxModel copy = model.Clone();
        UnusedMemory.Return();
        Assert.Equal(_weights, copy.Graph.Initializer("w")!.ToFloats());
    }

    [Fact]
    public void A_mapped_tensor_outlives_its_file_where_the_system_lets_that_be_deleted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not delete a file that is mapped; there it is copied");
        SaveApart();
        OnnxModel model = OnnxModel.Load(_folder["model.onnx"], filesStay: false);
        File.Delete(_folder["model.onnx.data"]);
        Assert.True(MappedFile.Holds(model.Graph.Initializer("w")!.RawData));
        Assert.Equal(_weights, model.Graph.Initializer("w")!.ToFloats());
        model.Save(_folder["again.onnx"]);
        Assert.Equal(_weights, OnnxModel.Load(_folder["again.onnx"]).Graph.Initializer("w")!.ToFloats());
    }

    [Fact]
    public async Task Between_the_stages_of_a_job_a_large_model_lies_in_files()
    {
        OnnxModel.LargestInline = 4096;
        FolderBlobStore store = new(_folder["blobs"]);
        BlobId id = (await ModelBlobs.PutAsync(store, Model(), default))["model"];
        OnnxModel read = await ModelBlobs.GetAsync(store, id);
        Assert.True(read.IsLarge);
        Assert.True(MappedFile.Holds(read.Graph.Initializer("w")!.RawData));
        Assert.Equal(_weights, read.Graph.Initializer("w")!.ToFloats());
    }

    [Fact]
    public async Task A_model_of_files_that_fits_one_is_handed_over_as_one_file_of_the_same_bytes()
    {
        FolderBlobStore store = new(_folder["blobs"]);
        OnnxModel.LargestInline = 4096;
        BlobId id = (await ModelBlobs.PutAsync(store, Model(), default))["model"];
        OnnxModel.LargestInline = long.MaxValue;
        await ModelBlobs.ExportAsync(store, id, _folder["out.onnx"], default);
        Assert.False(File.Exists(_folder["out.onnx.data"]));
        Assert.Equal(Model().ToBytes(), File.ReadAllBytes(_folder["out.onnx"]));
        Assert.Equal(new FileInfo(_folder["out.onnx"]).Length, (await ModelBlobs.VerifiedAsync(store, id, default)).ByteCount);
    }

    public void Dispose() => _folder.Dispose();

    private void SaveApart()
    {
        OnnxModel.LargestInline = 4096;
        Model().Save(_folder["model.onnx"]);
        OnnxModel.LargestInline = long.MaxValue;
    }

    private OnnxModel Model() => Models.Create(
        17, [1, Width], [Tensors.FromFloats("w", [Width, Width], _weights), Tensors.FromFloats("b", [Width], new float[Width])],
        [Nodes.Create("Gemm", "gemm", ["x", "w", "b"], ["y"])]);
}
