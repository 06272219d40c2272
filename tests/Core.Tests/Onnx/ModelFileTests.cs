using Google.Protobuf;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Tests.Preparation;

namespace QuantCluster.Tests.OnnxFormat;

public sealed class ModelFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quant-test-");

    private string ModelPath => Path.Combine(_folder.FullName, "model.onnx");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_that_is_not_ONNX_is_named_as_such()
    {
        File.WriteAllText(ModelPath, "# Not a model, but a text someone named wrongly.");
        Refuses($"{ModelPath}: not an ONNX model.");
    }

    [Fact]
    public void An_empty_file_is_no_model()
    {
        File.WriteAllBytes(ModelPath, []);
        Refuses($"{ModelPath}: not an ONNX model: it has no graph.");
    }

    [Fact]
    public void A_missing_file_is_named() => Refuses($"{ModelPath}: no such file.");

    [Fact]
    public void A_truncated_file_says_where_it_ends()
    {
        byte[] bytes = Linear().ToBytes();
        File.WriteAllBytes(ModelPath, bytes[..100]);
        Refuses($"{ModelPath}: the ONNX model is truncated or damaged: it ends in the middle, at byte 100. Copy or export it again.");
    }

    [Fact]
    public void Every_truncation_is_noticed()
    {
        byte[] bytes = Linear().ToBytes();
        for (int length = 0; length < bytes.Length; length++)
        {
            byte[] part = bytes[..length];
            QuantException error = Assert.Throws<QuantException>(() => OnnxModel.Parse(part));
            Assert.Equal(ExitCode.BadModel, error.Code);
        }
    }

    [Fact]
    public void A_tensor_with_fewer_bytes_than_its_shape_needs_is_refused()
    {
        OnnxModel model = Linear();
        model.Proto.Graph.Initializer[0].Dims[0] = 40;
        File.WriteAllBytes(ModelPath, model.ToBytes());
        Refuses($"{ModelPath}: tensor w: has 4096 bytes, but its shape [40, 32] needs 5120. The model is damaged; export it again.");
    }

    [Fact]
    public void External_data_is_read_and_written_back()
    {
        OnnxModel original = Linear();
        WriteExternally(original);
        Assert.True(new FileInfo(ModelPath).Length < 1000);

        OnnxModel read = OnnxModel.Load(ModelPath);
        Assert.Equal(original.Proto, read.Proto);
        string copy = Path.Combine(_folder.FullName, "copy.onnx");
        read.Save(copy);
        Assert.True(new FileInfo(copy).Length < 1000);
        Assert.Equal(original.Proto, OnnxModel.Load(copy).Proto);
        using ModelSession session = ModelSession.Open(copy, new SessionSettings());
        Assert.Equal("x", session.Inputs[0].Name);
    }

    [Fact]
    public void The_graph_can_be_looked_at_without_reading_external_data()
    {
        WriteExternally(Linear());
        File.Delete(ModelPath + ".data");
        Assert.Single(OnnxModel.Load(ModelPath, readExternalData: false).Graph.Nodes);
    }

    [Fact]
    public void Missing_external_data_is_named()
    {
        WriteExternally(Linear());
        File.Delete(ModelPath + ".data");
        Refuses($"{ModelPath}: tensor w: its data file model.onnx.data is missing. Put it beside the model, in {_folder.FullName}.");
    }

    [Fact]
    public void Truncated_external_data_is_refused_before_it_is_read()
    {
        WriteExternally(Linear());
        using (FileStream data = File.OpenWrite(ModelPath + ".data"))
            data.SetLength(4095);
        Refuses($"{ModelPath}: tensor w: needs 4096 bytes from byte 0 of model.onnx.data, which has only 4095. The file is truncated, or belongs to another model.");
    }

    [Theory]
    [InlineData("../secret.bin")]
    [InlineData("/etc/hostname")]
    [InlineData("weights/../../secret.bin")]
    public void External_data_outside_of_the_models_folder_is_refused(string location)
    {
        WriteExternally(Linear(), location);
        Refuses($"{ModelPath}: tensor w: its data file {location} lies outside of the model's folder, which is refused. Move it beside the model and export again.");
    }

    [Fact]
    public void Impossible_lengths_are_refused_before_memory_is_taken()
    {
        WriteExternally(Linear(), change: tensor => tensor.ExternalData.Single(e => e.Key == "length").Value = "9223372036854775807");
        Refuses($"{ModelPath}: tensor w: needs 9223372036854775807 bytes from byte 0 of model.onnx.data, which has only 4096. The file is truncated, or belongs to another model.");
    }

    [Fact]
    public void Fields_this_program_does_not_know_survive()
    {
        // Field 99 of the model, a string: tag 99 << 3 | 2 = 794.
        byte[] bytes = [.. Linear().ToBytes(), 0x9A, 0x06, 0x03, (byte)'n', (byte)'e', (byte)'w'];
        Assert.Equal(bytes, OnnxModel.Parse(bytes).ToBytes());
    }

    [Theory]
    [InlineData("kws_dscnn_fp32.onnx")]
    [InlineData("mobilenetv1_0.75_224.onnx")]
    [InlineData("ppocrv4_rec.onnx")]
    [InlineData("resnet20_cifar10.onnx")]
    [InlineData("squeezenet1.1.onnx")]
    [InlineData("sst2_encoder.onnx")]
    [InlineData("stories260K.onnx")]
    [InlineData("vit_pgd_2_3_16.onnx")]
    public void A_real_model_is_the_same_after_reading_and_writing(string file)
    {
        byte[] bytes = File.ReadAllBytes(Anchors.Model(file));
        OnnxModel model = OnnxModel.Parse(bytes);
        Assert.Equal(model.Proto, ModelProto.Parser.ParseFrom(model.ToBytes()));
        Assert.Equal(model.ToBytes(), OnnxModel.Parse(model.ToBytes()).ToBytes());
    }

    private static OnnxModel Linear() =>
        Models.Create(13, [-1, 32], [Models.Noise("w", 32, 32)], Nodes.Create("MatMul", "linear", ["x", "w"], ["y"]));

    private void WriteExternally(OnnxModel model, string location = "model.onnx.data", Action<TensorProto>? change = null)
    {
        ModelProto proto = model.Proto.Clone();
        using (FileStream data = File.Create(ModelPath + ".data"))
            ExternalData.Write(proto, data, location, smallest: 0);
        change?.Invoke(proto.Graph.Initializer[0]);
        File.WriteAllBytes(ModelPath, proto.ToByteArray());
    }

    private void Refuses(string message)
    {
        QuantException error = Assert.Throws<QuantException>(() => OnnxModel.Load(ModelPath));
        Assert.Equal(message, error.Message);
        Assert.Equal(ExitCode.BadModel, error.Code);
    }
}
