using System.IO.Compression;
using Google.Protobuf;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Data;

/// <summary>What a user is told, word for word; <c>~/</c> stands for the data's folder.</summary>
public sealed class BadDataTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void A_missing_input_is_named() => Refuses(
        "~/spec.json: the model's input mask (int64 [?, 48]) is missing; the spec gives ids.",
        """{"inputs": {"ids": {"file": "x.npy"}}}""",
        DataFolder.Input("ids", ElementType.Int64, -1, 48),
        DataFolder.Input("mask", ElementType.Int64, -1, 48));

    [Fact]
    public void An_extra_input_is_named() => Refuses(
        "~/spec.json: the model has no input y; its inputs are x (float32 [?, 2]).",
        """{"inputs": {"x": {"file": "x.npy"}, "y": {"file": "x.npy"}}}""",
        DataFolder.Input("x", ElementType.Float, -1, 2));

    [Fact]
    public void An_input_of_another_type_is_named()
    {
        _folder.Npy<float>("x.npy", "<f4", [1, 2], [1, 2]);
        Refuses("~/x.npy holds float32, but the model's input x takes int64.", Spec("x.npy"), DataFolder.Input("x", ElementType.Int64, -1, 2));
    }

    [Fact]
    public void Scaling_an_integer_input_is_refused()
    {
        _folder.Npy<byte>("x.npy", "|u1", [1, 2], [1, 2]);
        Refuses(
            "~/x.npy has divide, mean or std in the spec, but the model's input x takes uint8: they are for floating-point inputs.",
            """{"inputs": {"x": {"file": "x.npy", "divide": 255}}}""",
            DataFolder.Input("x", ElementType.UInt8, -1, 2));
    }

    [Fact]
    public void An_integer_outside_the_models_type_names_its_record()
    {
        _folder.Npy<long>("x.npy", "<i8", [2, 1], [1, 1L << 40]);
        using IDataset data = Open(Spec("x.npy"), DataFolder.Input("x", ElementType.Int32, -1, 1));
        Refuses("~/x.npy, record 1: a value is outside int32, which the model's input x takes.", () => Datasets.Validate(data));
    }

    [Fact]
    public void A_wrong_shape_names_both_and_proposes_the_layout_that_would_fit()
    {
        _folder.Npy<byte>("x.npy", "|u1", [1, 4, 5, 3], new byte[60]);
        Refuses(
            "~/x.npy has records of shape [4, 5, 3], which does not fit the model's input x [?, 3, 4, 5]; with \"layout\": \"NHWC\" in the spec it would.",
            Spec("x.npy"),
            DataFolder.Input("x", ElementType.Float, -1, 3, 4, 5));
        Refuses(
            "~/x.npy has records of shape [4, 5, 3], which does not fit the model's input x [?, 3, 8, 8].",
            Spec("x.npy"),
            DataFolder.Input("x", ElementType.Float, -1, 3, 8, 8));
    }

    [Fact]
    public void A_wrong_number_of_dimensions_is_explained()
    {
        _folder.Npy<byte>("x.npy", "|u1", [6], new byte[6]);
        Refuses(
            "~/x.npy: shape [6] has 1 dimensions, but the model's input x [?, 3, 4, 5] needs 4 (the first one counts records).",
            Spec("x.npy"),
            DataFolder.Input("x", ElementType.Float, -1, 3, 4, 5));
    }

    [Fact]
    public void Mean_of_another_length_than_the_channels_is_refused()
    {
        _folder.Npy<byte>("x.npy", "|u1", [1, 4, 5, 3], new byte[60]);
        Refuses(
            "~/x.npy has 3 channels, but \"mean\" in the spec gives 2 values.",
            """{"inputs": {"x": {"file": "x.npy", "layout": "NHWC", "mean": [1, 2]}}}""",
            DataFolder.Input("x", ElementType.Float, -1, 3, 4, 5));
    }

    [Fact]
    public void Empty_data_are_refused()
    {
        _folder.Npy<float>("x.npy", "<f4", [0, 2], []);
        Refuses("~/x.npy holds no records; calibration needs at least one.", Spec("x.npy"), DataFolder.Input("x", ElementType.Float, -1, 2));
        _folder.Write("x.jsonl", "\n \n");
        Refuses("~/x.jsonl holds no records; calibration needs at least one.", Spec("x.jsonl"), DataFolder.Input("x", ElementType.Int64, -1, -1));
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "infinity")]
    [InlineData(float.NegativeInfinity, "−infinity")]
    public void A_value_that_is_not_finite_names_its_sample_and_index(float value, string name)
    {
        float[] values = new float[3 * 2 * 4];
        values[(2 * 8) + (1 * 4) + 3] = value;
        _folder.Npy<float>("x.npy", "<f4", [3, 2, 4], values);
        using IDataset data = Open(Spec("x.npy"), DataFolder.Input("x", ElementType.Float, -1, 2, 4));
        Refuses($"~/x.npy, record 2: input x is {name} at index [0, 1, 3] of sample 2. Remove or repair that record.", () => Datasets.Validate(data));
    }

    [Fact]
    public void NaN_in_a_batch_names_the_record_of_the_file()
    {
        _folder.Npy<Half>("x.npy", "<f2", [3, 1], [(Half)1, (Half)2, Half.NaN]);
        using IDataset data = Open(Spec("x.npy"), DataFolder.Input("x", ElementType.Float, 2, 1));
        Refuses("~/x.npy, record 2: input x is NaN at index [0, 0] of sample 1. Remove or repair that record.", () => Datasets.Validate(data));
    }

    [Fact]
    public void A_folder_without_data_is_refused()
    {
        _folder.Write("x/readme.txt", "nothing");
        Refuses(
            "~/x: no data in this folder that is read here; read are: .npy, .npz, .bin, .jsonl, a folder of PNG or JPEG images, .pb (ONNX test data), a folder of .npy.",
            Spec("x"),
            DataFolder.Input("x", ElementType.Float, -1, 2));
    }

    [Fact]
    public void Inputs_of_different_length_are_refused()
    {
        _folder.Npy<float>("x.npy", "<f4", [3, 1], [1, 2, 3]);
        _folder.Npy<float>("y.npy", "<f4", [2, 1], [1, 2]);
        Refuses(
            "input x has 3 records (~/x.npy), but input y has 2 (~/y.npy): every input needs the same number.",
            """{"inputs": {"x": {"file": "x.npy"}, "y": {"file": "y.npy"}}}""",
            DataFolder.Input("x", ElementType.Float, -1, 1),
            DataFolder.Input("y", ElementType.Float, -1, 1));
    }

    [Fact]
    public void Labels_of_another_length_are_refused()
    {
        _folder.Npy<float>("x.npy", "<f4", [3, 1], [1, 2, 3]);
        _folder.Write("y.json", "[\"a\", \"b\"]");
        Refuses(
            "~/y.json: 2 labels for 3 records; every record needs one.",
            """{"inputs": {"x": {"file": "x.npy"}}, "labels": "y.json"}""",
            DataFolder.Input("x", ElementType.Float, 2, 1));
    }

    [Fact]
    public void A_file_that_is_missing_or_cannot_be_read_is_named()
    {
        Refuses("~/x.npy: no such file.", Spec("x.npy"), DataFolder.Input("x", ElementType.Float, -1));
        Refuses("~/nowhere.json: no such file.", () => DatasetSpec.Load(_folder.Path("nowhere.json")));
        Directory.CreateDirectory(_folder.Path("y.json"));
        Refuses("~/y.json: cannot be read: it is a folder", () => Labels.Load(_folder.Path("y.json")));
        _folder.Write("x.txt", "1 2 3");
        Refuses(
            "~/x.txt: not a kind of data that is read here; read are: .npy, .npz, .bin, .jsonl, a folder of PNG or JPEG images, .pb (ONNX test data), a folder of .npy.",
            Spec("x.txt"),
            DataFolder.Input("x", ElementType.Float, -1));
    }

    [Fact]
    public void A_damaged_npy_is_told_from_a_good_one()
    {
        ValueSignature input = DataFolder.Input("x", ElementType.Float, -1, 2);
        RefusesNpy("~/x.npy: not a .npy file (it does not start with \\x93NUMPY).", "PK\u0003\u0004 and more"u8.ToArray());
        RefusesNpy("~/x.npy: not a .npy file, or truncated within its header.", [0x93]);
        RefusesNpy("~/x.npy: truncated: [2, 2] of float32 needs 144 bytes, the file has 132.", DataFolder.NpyBytes<float>("<f4", [2, 2], [1]));
        RefusesNpy("~/x.npy: the array is in Fortran order; save numpy.ascontiguousarray(array).", DataFolder.NpyBytes<float>("<f4", [2, 2], new float[4], order: "True"));
        RefusesNpy("~/x.npy: the array is big-endian (>f4); save array.astype('<f4').", DataFolder.NpyBytes<float>(">f4", [2, 2], new float[4]));
        RefusesNpy("~/x.npy: the array holds Python objects (often lists of different lengths); save numbers of one type.", DataFolder.NpyBytes<float>("|O", [2, 2], new float[4]));
        RefusesNpy("~/x.npy: shape [-1, 2] has a negative dimension.", DataFolder.NpyBytes<float>("<f4", [-1, 2], new float[4]));
        RefusesNpy("~/x.npy: shape [4611686018427387904, 4611686018427387904] is absurd; the file is damaged.", DataFolder.NpyBytes<float>("<f4", [1L << 62, 1L << 62], new float[4]));

        void RefusesNpy(string message, byte[] bytes)
        {
            _folder.Write("x.npy", bytes);
            Refuses(message, Spec("x.npy"), input);
        }
    }

    [Fact]
    public void An_npz_entry_that_points_outside_the_archive_is_refused()
    {
        Zip("x.npz", ("x.npy", DataFolder.NpyBytes<float>("<f4", [1, 1], [1])), ("../../evil.npy", [1]));
        Refuses("~/x.npz: entry ../../evil.npy points outside the archive; it is refused as a whole.", Spec("x.npz"), DataFolder.Input("x", ElementType.Float, -1, 1));
    }

    [Fact]
    public void An_npz_that_lies_about_its_size_or_lacks_the_array_is_refused()
    {
        ValueSignature input = DataFolder.Input("x", ElementType.Float, -1, 1);
        Zip("x.npz", ("x.npy", DataFolder.NpyBytes<float>("<f4", [1L << 40, 1], [1])));
        Refuses("~/x.npz:x.npy: truncated or damaged: [1099511627776, 1] of float32 needs 4398046511232 bytes, the archive says 132.", Spec("x.npz"), input);
        Zip("y.npz", ("a.npy", [1]), ("b.npy", [1]));
        Refuses("~/y.npz: has no array x; it has a, b. Choose one by \"key\" in the spec.", Spec("y.npz"), input);
        _folder.Write("z.npz", "no zip");
        QuantException error = Assert.Throws<QuantException>(() => Open(Spec("z.npz"), input));
        Assert.StartsWith($"{_folder.Path("z.npz")}: not an .npz archive, or damaged: ", error.Message);
    }

    [Fact]
    public void A_test_tensor_whose_values_stand_in_another_file_is_refused()
    {
        TensorProto tensor = new() { DataType = (int)ElementType.Float, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.Dims.AddRange([1, 1]);
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "../../secret" });
        _folder.Write("x.pb", tensor.ToByteArray());
        Refuses("~/x.pb: the tensor keeps its values in another file; only tensors that hold their own are read as data.", Spec("x.pb"), DataFolder.Input("x", ElementType.Float, -1, 1));
        _folder.Write("x.pb", Tensors.FromFloats("x", [1, 2], [1, 2]).ToByteArray().AsSpan()[..^1]);
        Refuses("~/x.pb: not an ONNX tensor (TensorProto), or truncated.", Spec("x.pb"), DataFolder.Input("x", ElementType.Float, -1, 2));
    }

    [Fact]
    public void A_raw_file_needs_its_type_and_a_whole_number_of_records()
    {
        _folder.Write("x.bin", new byte[10]);
        Refuses("~/x.bin: a raw file needs \"dtype\" and \"shape\" (of one record) in the spec.", Spec("x.bin"), DataFolder.Input("x", ElementType.Float, -1, 1));
        Refuses(
            "~/x.bin: 10 bytes are no whole number of records of [2] float32 (8 bytes each).",
            """{"inputs": {"x": {"file": "x.bin", "dtype": "float32", "shape": [2]}}}""",
            DataFolder.Input("x", ElementType.Float, -1, 2));
    }

    [Theory]
    [InlineData("[1, 2.5]", "element 1 is no integer")]
    [InlineData("{}", "not a list of token ids like [1, 2, 3]")]
    [InlineData("[1, 2, 3, 4]", "4 tokens, more than \"pad_to\" 3; cut the line or raise pad_to")]
    public void A_bad_line_of_tokens_is_named(string line, string what)
    {
        _folder.Write("x.jsonl", $"[1]\n{line}\n");
        using IDataset data = Open("""{"inputs": {"x": {"file": "x.jsonl", "pad_to": 3}}}""", DataFolder.Input("x", ElementType.Int64, -1, -1));
        Refuses($"~/x.jsonl, line 2: {what}.", () => Datasets.Validate(data));
    }

    [Fact]
    public void Token_lists_of_another_length_than_a_fixed_model_takes_propose_padding()
    {
        _folder.Write("x.jsonl", "[1, 2]\n");
        Refuses(
            "~/x.jsonl has records of shape [2], which does not fit the model's input x [1, 8]; give \"pad_to\": 8 in the spec to pad lists.",
            Spec("x.jsonl"),
            DataFolder.Input("x", ElementType.Int64, 1, 8));
    }

    public void Dispose() => _folder.Dispose();

    private static string Spec(string file) => $$"""{"inputs": {"x": {"file": "{{file}}"} } }""";

    private IDataset Open(string spec, params ValueSignature[] inputs) => Datasets.Open(DatasetSpec.Load(_folder.Write("spec.json", spec)), inputs);

    private void Refuses(string message, string spec, params ValueSignature[] inputs) => Refuses(message, () => Open(spec, inputs).Dispose());

    private void Refuses(string message, Action action)
    {
        QuantException error = Assert.Throws<QuantException>(action);
        Assert.Equal(message, error.Message.Replace(_folder.Root + Path.DirectorySeparatorChar, "~/"));
        Assert.Equal(ExitCode.BadData, error.Code);
    }

    private void Zip(string name, params (string Entry, byte[] Bytes)[] entries)
    {
        using ZipArchive archive = ZipFile.Open(_folder.Path(name), ZipArchiveMode.Create);
        foreach ((string entry, byte[] bytes) in entries)
        {
            using Stream stream = archive.CreateEntry(entry).Open();
            stream.Write(bytes);
        }
    }
}
