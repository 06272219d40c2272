using System.Text.Json;
using System.Xml;
using QuantCluster.Reporting;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Search.Frontier;
using QuantCluster.Verification;

namespace QuantCluster.Tests.Reporting;

public class ReportTests
{
    [Fact]
    public void The_page_needs_nothing_else()
    {
        string html = HtmlReport.Render(Sample());
        Assert.DoesNotContain("http:", html);
        Assert.DoesNotContain("https:", html);
        Assert.DoesNotContain("src=", html);
        Assert.DoesNotContain("<link", html);
        Assert.DoesNotContain("@import", html);
        Assert.Contains("prefers-color-scheme: dark", html);
    }

    [Fact]
    public void The_same_report_gives_the_same_bytes()
    {
        Assert.Equal(HtmlReport.Render(Sample()), HtmlReport.Render(Sample()));
        Assert.Equal(JsonReport.Render(Sample()), JsonReport.Render(Sample()));
    }

    [Fact]
    public void Names_are_escaped_everywhere()
    {
        string html = HtmlReport.Render(Sample(name: "<script>alert('\"x\"')</script>"));
        Assert.DoesNotContain("<script>alert", html);
        Assert.Contains("&lt;script&gt;alert(", html);
    }

    [Fact]
    public void Every_tag_of_the_body_is_closed()
    {
        string html = HtmlReport.Render(Sample());
        string body = html[html.IndexOf("<main>", StringComparison.Ordinal)..(html.IndexOf("</main>", StringComparison.Ordinal) + "</main>".Length)];
        XmlDocument document = new();
        document.LoadXml(body);
        Assert.True(document.SelectNodes("//svg")!.Count >= 3);
    }

    [Fact]
    public void Pictures_of_frontier_and_sensitivity_stand_alone()
    {
        string folder = Directory.CreateTempSubdirectory("quant-plots-").FullName;
        try
        {
            FrontierFiles.Write(PointChoiceTests.Of(PointChoiceTests.Points), folder);
            XmlDocument frontier = new();
            frontier.Load(Path.Combine(folder, FrontierFiles.Picture));
            Assert.Equal("http://www.w3.org/2000/svg", frontier.DocumentElement!.NamespaceURI);
            Assert.Equal(PointChoiceTests.Points.Length, frontier.GetElementsByTagName("circle").Count);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Sections_without_content_are_left_out()
    {
        Report bare = new() { Title = "m", ReferenceName = "a.onnx", QuantizedName = "b.onnx", Verification = Verification() with { Profile = [], Latency = [], Task = null } };
        string html = HtmlReport.Render(bare);
        Assert.DoesNotContain("<h2>Ranges", html);
        Assert.DoesNotContain("<h2>Latency", html);
        Assert.DoesNotContain("<h2>Layers", html);
        Assert.Contains("The quantized model is <b>4.00&#215;</b> smaller.", html);
    }

    [Fact]
    public void A_missed_gate_and_a_warning_stand_at_the_top()
    {
        Report report = Sample() with { Gates = new Gates { MinimumSqnrDb = 90 }.Judge(Verification()), Warnings = ["synthetic data"] };
        string html = HtmlReport.Render(report);
        Assert.Contains("Gate not met: SQNR is 25.50 dB; at least 90 dB are asked for.", html);
        Assert.Contains("synthetic data", html);
    }

    [Fact]
    public void A_slower_model_is_called_slower()
    {
        LatencyResult slow = Verification().Latency[0] with { Speedup = 0.5 };
        string html = HtmlReport.Render(Sample() with { Verification = Verification() with { Latency = [slow] } });
        Assert.Contains("<b>2.00&#215;</b> slower", html);
    }

    [Fact]
    public void Json_uses_snake_case_and_null_for_infinity()
    {
        Report report = Sample() with { Verification = Verification() with { Errors = [new("sqnr_db", "SQNR", "dB", double.PositiveInfinity)] } };
        using JsonDocument json = JsonDocument.Parse(JsonReport.Render(report));
        JsonElement verification = json.RootElement.GetProperty("verification");
        Assert.Equal(JsonValueKind.Null, verification.GetProperty("errors")[0].GetProperty("value").ValueKind);
        Assert.Equal(1, json.RootElement.GetProperty("schema_version").GetInt32());
        Assert.Equal(2, verification.GetProperty("latency")[0].GetProperty("reference").GetProperty("median").GetDouble());
        Assert.Equal("[0,1,10]", json.RootElement.GetProperty("histograms")[0].GetProperty("bins")[0].GetRawText());
    }

    [Fact]
    public void Thousands_of_bins_are_joined_without_losing_a_value()
    {
        ReportedBin[] fine = [.. Enumerable.Range(0, 5000).Select(i => new ReportedBin(i, i + 1, i))];
        IReadOnlyList<ReportedBin> coarse = ReportedBin.Coarsen(fine, 100);
        Assert.InRange(coarse.Count, 50, 101);
        Assert.Equal(fine.Sum(b => b.Count), coarse.Sum(b => b.Count));
        Assert.Equal(0, coarse[0].Low);
        Assert.Equal(5000, coarse[^1].High);
    }

    [Fact]
    public void Files_are_written_and_an_unwritable_folder_says_so()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string page = ReportFiles.Write(Sample(), Path.Combine(directory, "new", "folder"));
            Assert.True(File.Exists(page));
            Assert.True(File.Exists(Path.Combine(directory, "new", "folder", "report.json")));
            Assert.Empty(Directory.GetFiles(Path.Combine(directory, "new", "folder"), "*.tmp"));
            QuantException error = Assert.Throws<QuantException>(() => ReportFiles.Write(Sample(), page));
            Assert.Equal(ExitCode.CannotWrite, error.Code);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(5_120_000, "5.12 MB")]
    [InlineData(10_428_892, "10.4 MB")]
    public void Bytes_are_read_in_decimal_units(long bytes, string expected) => Assert.Equal(expected, Plain(Quantity.Bytes(bytes)));

    [Theory]
    [InlineData(0.0868, "86.8 µs")]
    [InlineData(4.944, "4.94 ms")]
    [InlineData(999.7, "1.00 s")]
    public void Times_take_the_unit_that_suits(double milliseconds, string expected) => Assert.Equal(expected, Plain(Quantity.Milliseconds(milliseconds)));

    [Fact]
    public void Signs_are_typographic_and_zero_has_none()
    {
        Assert.Equal("−1.97", Quantity.Signed(-1.974, 2));
        Assert.Equal("+0.5", Quantity.Signed(0.5, 1));
        Assert.Equal("0.0", Quantity.Signed(-0.01, 1));
        Assert.Equal("∞", Quantity.Fixed(double.PositiveInfinity, 1));
        Assert.Equal("1 234 567", Plain(Quantity.Count(1234567)));
    }

    [Fact]
    public void Placement_is_read_off_any_qdq_model()
    {
        LayerPlacement[] layers = [.. LayerPlacement.Read(SmallQdq())];
        Assert.Equal(["first", "second"], layers.Select(l => l.Node.Name));
        Assert.All(layers, l => Assert.False(l.IsQuantized));
        Assert.Equal("its input is dequantized, its weights are float: it computes in float", layers[1].Reason);
        Assert.Equal(16 * 5, layers[1].Weights);
        Assert.Equal("active", layers[0].Output);
    }

    private static Onnx.OnnxModel SmallQdq() => Tests.Verification.SmallModels.Quantized();

    private static string Plain(string text) => text.Replace('\u202F', ' ');

    private static VerificationResult Verification() => new()
    {
        Samples = 100,
        Errors = [new("sqnr_db", "SQNR", "dB", 25.5), new("agreement", "top-1 agreement", "%", 97.5), new("kl", "KL divergence", "nats", null)],
        Task = new TaskResult
        {
            Name = "top1",
            Title = "top-1 accuracy",
            Unit = "%",
            DropUnit = "points",
            Records = 100,
            Reference = 86,
            Quantized = 85,
            Drop = 1,
            DropLow = -1,
            DropHigh = 3,
            OnlyReference = 2,
            OnlyQuantized = 1,
            PValue = 1,
            IsSignificant = false,
        },
        ReferenceBytes = 4000,
        QuantizedBytes = 1000,
        Latency = [new LatencyResult { Threads = 1, Runs = 50, Reference = new(2, 3, 1), Quantized = new(1, 1.5, 0.5), Speedup = 2, PairwiseSpeedup = 2 }],
        Profile =
        [
            new TensorError { Tensor = "a", Node = "first", Op = "Conv", IsQuantized = true, SqnrDb = 40 },
            new TensorError { Tensor = "b", Node = "second", Op = "Conv", IsQuantized = true, SqnrDb = 30, DropDb = 10 },
            new TensorError { Tensor = "y", Node = "third", Op = "Gemm", IsQuantized = false, SqnrDb = double.PositiveInfinity },
        ],
    };

    private static Report Sample(string name = "conv <1>") => new()
    {
        Title = name,
        ReferenceName = name,
        QuantizedName = name,
        Verification = Verification(),
        Layers = [new ReportedLayer { Name = name, Op = name, Output = "a", IsQuantized = true, Reason = name, Weights = 1000 }],
        Histograms =
        [
            new ReportedHistogram
            {
                Tensor = name, Minimum = 0, Maximum = 3, RangeLow = 0, RangeHigh = 2, Method = name, Type = "uint8", Scale = 2 / 255.0, ZeroPoint = 0, Clipped = 0.1,
                Bins = [new(0, 1, 10), new(1, 2, 100), new(2, 3, 1)],
            },
        ],
        Rewrites = [new ReportedRewrite { Name = name, Count = 2, Note = name }],
        Sensitivity = [new LayerSensitivity(name, name, name, 1, 1, 0.2, 0.1, 0.3, 0.1, -0.1, 0.1), new LayerSensitivity("b", "b", "Conv", 1, 1, double.PositiveInfinity, double.NaN, 0, 0, 0, 0)],
        Frontier = PointChoiceTests.Of([.. PointChoiceTests.Points.Select(p => p with { Origin = name })]) with { Model = name, Processor = name },
        Settings = [new(name, name)],
        Environment = [new("CPU", name)],
        Stages = [new(name, 1.5), new("verify", 0)],
    };
}
