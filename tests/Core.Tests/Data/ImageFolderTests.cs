using QuantCluster.Data;
using QuantCluster.Data.Sources;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Data;

public sealed class ImageFolderTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Theory]
    [InlineData("rgb.png", 0)]
    [InlineData("rgba.png", 0)]
    [InlineData("palette.png", 0)]
    [InlineData("grey.png", 0)]
    [InlineData("interlaced.png", 0)]
    [InlineData("rgb16.png", 1)]
    [InlineData("grey.jpg", 1)]
    [InlineData("baseline444.jpg", 2)]
    [InlineData("baseline420.jpg", 3)]
    [InlineData("progressive.jpg", 3)]
    public void An_image_decodes_to_the_pixels_that_another_decoder_finds(string name, int tolerance)
    {
        string file = _folder.Write(name, Resource(name));
        Image image = ImageDecoder.Decode(file, 3);
        byte[] expected = Resource(name + ".rgb");
        Assert.Equal((16, 24, 3), (image.Height, image.Width, image.Channels));
        Assert.Equal(expected.Length, image.Pixels.Length);
        Assert.InRange(expected.Zip(image.Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, tolerance);
    }

    [Fact]
    public void A_model_of_one_channel_gets_grey_and_one_of_four_RGBA()
    {
        string grey = _folder.Write("grey.png", Resource("grey.png")), rgba = _folder.Write("rgba.png", Resource("rgba.png"));
        Assert.Equal(Resource("grey.png.rgb").Where((_, i) => i % 3 == 0), ImageDecoder.Decode(grey, 1).Pixels);
        Image image = ImageDecoder.Decode(rgba, 4);
        Assert.Equal(Resource("rgba.png.rgb"), image.Pixels.Where((_, i) => i % 4 != 3));
        Assert.All(image.Pixels.Where((_, i) => i % 4 == 3), alpha => Assert.Equal(153, alpha));
    }

    [Fact]
    public void A_folder_of_images_feeds_a_model_in_the_order_of_names()
    {
        _folder.Write("images/b/1.png", Resource("palette.png"));
        _folder.Write("images/a/2.png", Resource("rgb.png"));
        _folder.Write("images/a/.hidden.png", "not an image");
        using IDataset data = Open("""{"inputs": {"x": {"file": "images", "divide": 255, "mean": [0.5, 0.4, 0.3]}}}""", -1, 3, 16, 24);
        Assert.Equal(2, data.Count);
        byte[] pixels = Resource("rgb.png.rgb");
        DenseTensor tensor = data.Read(0).Inputs["x"];
        Assert.Equal([1, 3, 16, 24], tensor.Shape);
        Assert.Equal((pixels[(7 * 3) + 1] / 255f) - 0.4f, tensor.Floats[384 + 7]);
        Assert.Equal((Resource("palette.png.rgb")[2] / 255f) - 0.3f, data.Read(1).Inputs["x"].Floats[768]);
    }

    [Fact]
    public void Images_are_scaled_as_a_triangle_filter_does()
    {
        Image image = new(16, 24, 3, Resource("rgb.png.rgb"));
        Image half = ImageScaling.To(image, 8, 12);
        Assert.InRange(Resource("halved.rgb").Zip(half.Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, 2);

        // 4 pixels to 2: the filter is 4 wide, its weights 0.75, 0.75, 0.25 over their sum.
        Image row = ImageScaling.To(new Image(1, 4, 1, [0, 70, 140, 210]), 1, 2);
        Assert.Equal([50, 160], row.Pixels);
    }

    [Fact]
    public void Resize_keeps_the_proportions_and_size_cuts_the_centre()
    {
        Image image = ImageScaling.ShorterSideTo(new Image(16, 24, 1, new byte[384]), 8);
        Assert.Equal((8, 12), (image.Height, image.Width));
        Image cut = ImageScaling.CutCentre(new Image(3, 4, 1, [.. Enumerable.Range(0, 12).Select(i => (byte)i)]), 1, 2);
        Assert.Equal([5, 6], cut.Pixels);

        _folder.Write("images/1.png", Resource("rgb.png"));
        using IDataset data = Open("""{"inputs": {"x": {"file": "images", "resize": 10, "size": [8, 9]}}}""", 1, 3, 8, 9);
        Assert.Equal([1, 3, 8, 9], data.Read(0).Inputs["x"].Shape);
    }

    [Fact]
    public void A_damaged_image_is_named()
    {
        string file = _folder.Write("images/1.png", Resource("rgb.png").AsSpan(0, 300));
        QuantException error = Assert.Throws<QuantException>(() => Open("""{"inputs": {"x": {"file": "images"}}}""", 1, 3, 16, 24));
        Assert.StartsWith($"{file}: damaged, or an image that is not read here (", error.Message);
        Assert.EndsWith("). Convert it to a plain PNG, or all images to one .npy.", error.Message);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("baseline420.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("rgb.png")]
    public async Task An_image_cut_off_anywhere_is_refused_or_read_but_never_waited_for(string name)
    {
        byte[] image = Resource(name);
        await Task.Run(() =>
        {
            for (int length = 1; length < image.Length; length += 3)
            {
                string file = _folder.Write("1", image.AsSpan(0, length));
                try
                {
                    Assert.Equal(16 * 24 * 3, ImageDecoder.Decode(file, 3).Pixels.Length);
                }
                catch (QuantException e)
                {
                    Assert.Equal(ExitCode.BadData, e.Code);
                }
            }
        }, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void An_image_that_claims_absurd_dimensions_is_refused_before_it_is_decoded()
    {
        byte[] png = Resource("rgb.png");
        png.AsSpan(16, 8).Fill(0x7F);
        string file = _folder.Write("1.png", png);
        Assert.Throws<QuantException>(() => ImageDecoder.Decode(file, 3));

        png.AsSpan(16, 8).Clear();
        (png[18], png[22]) = (0x40, 0x40);
        file = _folder.Write("2.png", png);
        QuantException error = Assert.Throws<QuantException>(() => ImageDecoder.Decode(file, 3));
        Assert.Equal($"{file}: 16384x16384 pixels are more than the 100000000 that are decoded.", error.Message);
    }

    [Fact]
    public void An_image_of_another_size_is_named_and_size_is_proposed()
    {
        string file = _folder.Write("images/1.png", Resource("rgb.png"));
        QuantException error = Assert.Throws<QuantException>(() => Open("""{"inputs": {"x": {"file": "images"}}}""", 1, 3, 8, 8));
        Assert.Equal($"{_folder.Path("images")} has records of shape [16, 24, 3] (NHWC), which does not fit the model's input x [1, 3, 8, 8]; give \"size\": [8, 8] in the spec to scale images.", error.Message);
        Assert.NotEmpty(file);
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] Resource(string name)
    {
        using Stream stream = typeof(ImageFolderTests).Assembly.GetManifestResourceStream("images/" + name)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private IDataset Open(string spec, params long[] shape) =>
        Datasets.Open(DatasetSpec.Load(_folder.Write("spec.json", spec)), [DataFolder.Input("x", ElementType.Float, shape)]);
}
