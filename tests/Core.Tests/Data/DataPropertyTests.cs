using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Data;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

public class DataPropertyTests
{
    [Fact]
    public void Preprocessing_is_the_formula_for_every_layout_channel_order_and_source_type() => Check.QuickThrowOnFailure(
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            Random random = new(seed);
            int channels = random.Next(1, 5), height = random.Next(1, 5), width = random.Next(1, 5);
            bool storedLast = random.Next(2) == 0, wantedLast = random.Next(2) == 0 && channels != height && height != width && channels != width, bytes = random.Next(2) == 0;
            float[] stored = [.. Enumerable.Range(0, channels * height * width).Select(_ => (float)random.Next(256))];
            InputSpec input = new()
            {
                File = "x",
                Layout = storedLast ? ImageLayout.NHWC : ImageLayout.NCHW,
                Channels = random.Next(2) == 0 ? ChannelOrder.BGR : ChannelOrder.RGB,
                Divide = random.Next(1, 300),
                Mean = [.. Enumerable.Range(0, channels).Select(_ => random.NextSingle())],
                Std = [0.1f + random.NextSingle()],
            };
            long[] shape = storedLast ? [height, width, channels] : [channels, height, width];
            long[] wanted = wantedLast ? [height, width, channels] : [channels, height, width];
            ChannelArrangement arrangement = ChannelArrangement.Of(shape, input, wanted)!;
            ElementType type = bytes ? ElementType.UInt8 : ElementType.Double;
            byte[] source = new byte[stored.Length * type.Size()], target = new byte[stored.Length * sizeof(float)];
            ElementConversion.Convert(ElementType.Float, System.Runtime.InteropServices.MemoryMarshal.AsBytes(stored.AsSpan()), ElementType.Double, bytes ? new byte[stored.Length * 8] : source);
            if (bytes)
                source = [.. stored.Select(v => (byte)v)];

            new Preprocessing(type, ElementType.Float, input, channels).Apply(arrangement, source, target);
            Assert.Equal(wanted, arrangement.Shape);
            ReadOnlySpan<float> got = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(target.AsSpan());
            for (int c = 0; c < channels; c++)
            {
                int from = input.Channels == ChannelOrder.BGR ? channels - 1 - c : c;
                for (int p = 0; p < height * width; p++)
                {
                    float value = storedLast ? stored[(p * channels) + from] : stored[(from * height * width) + p];
                    float expected = ((value / input.Divide) - input.Mean[c]) / input.Std[0];
                    Assert.Equal(expected, wantedLast ? got[(p * channels) + c] : got[(c * height * width) + p]);
                }
            }
        }));

    [Theory]
    [InlineData("x.npy")]
    [InlineData("x.pb")]
    [InlineData("x.npz")]
    [InlineData("x.png")]
    [InlineData("x.jsonl")]
    public void A_file_damaged_anywhere_is_read_or_refused_but_never_breaks(string name)
    {
        using DataFolder folder = new();
        byte[] good = Good(name, folder);
        DatasetSpec spec = new() { Inputs = new Dictionary<string, InputSpec> { ["x"] = new() { File = folder.Path(name) } } };
        Random random = new(5);
        for (int trial = 0; trial < 150; trial++)
        {
            byte[] damaged = [.. good];
            for (int i = random.Next(1, 4); i > 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            folder.Write(name, damaged.AsSpan(0, random.Next(3) == 0 ? random.Next(1, damaged.Length) : damaged.Length));
            try
            {
                using IDataset data = Datasets.Open(spec, [DataFolder.Input("x", name.EndsWith('l') ? ElementType.Int64 : ElementType.Float, name.EndsWith('g') ? [-1, 3, -1, -1] : [-1, -1])]);
                Datasets.Validate(data);
            }
            catch (QuantException e)
            {
                Assert.Equal(ExitCode.BadData, e.Code);
            }
        }
    }

    private static byte[] Good(string name, DataFolder folder)
    {
        byte[] npy = DataFolder.NpyBytes<float>("<f4", [2, 3], [1, 2, 3, 4, 5, 6]);
        switch (Path.GetExtension(name))
        {
            case ".npy":
                return npy;
            case ".pb":
                return Google.Protobuf.MessageExtensions.ToByteArray(Tensors.FromFloats("x", [2, 3], [1, 2, 3, 4, 5, 6]));
            case ".jsonl":
                return [.. "[1, 2, 3]\n[4, 5]\n"u8];
            case ".png":
                using (Stream stream = typeof(DataPropertyTests).Assembly.GetManifestResourceStream("images/rgb.png")!)
                {
                    byte[] image = new byte[stream.Length];
                    stream.ReadExactly(image);
                    return image;
                }

            default:
                using (System.IO.Compression.ZipArchive archive = System.IO.Compression.ZipFile.Open(folder.Path("good.npz"), System.IO.Compression.ZipArchiveMode.Create))
                {
                    using Stream entry = archive.CreateEntry("x.npy").Open();
                    entry.Write(npy);
                }

                return File.ReadAllBytes(folder.Path("good.npz"));
        }
    }
}
