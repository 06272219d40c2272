using System.Diagnostics;
using System.Globalization;

namespace QuantCluster.Tests;

public class HelpTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("run", "--help")]
    [InlineData("resume", "--help")]
    [InlineData("verify", "--help")]
    [InlineData("lint", "--help")]
    [InlineData("explain", "--help")]
    [InlineData("inspect", "--help")]
    [InlineData("calibrate", "--help")]
    [InlineData("stats", "--help")]
    [InlineData("sensitivity", "--help")]
    [InlineData("quickstart", "--help")]
    public async Task Every_command_helps_with_examples(params string[] args)
    {
        Quant.Result result = await Quant.RunAsync(args);
        Assert.Equal(0, result.Code);
        Assert.Contains("Examples:", result.Out);
        Assert.Equal("", result.Error);
    }

    [Fact]
    public async Task Help_starts_at_once()
    {
        Assert.SkipWhen(IsBusy(), "skipped: the machine is too busy to tell how fast a start is");
        List<double> seconds = [];
        for (int i = 0; i < 5; i++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            await Quant.RunAsync("--help");
            seconds.Add(watch.Elapsed.TotalSeconds);
        }

        Assert.SkipWhen(IsBusy(), "skipped: the machine became too busy to tell how fast a start is");
        Assert.InRange(seconds.Min(), 0, 0.3);
    }

    private static bool IsBusy()
    {
        const string Load = "/proc/loadavg";
        return File.Exists(Load) && double.Parse(File.ReadAllText(Load).Split(' ')[0], CultureInfo.InvariantCulture) > 1.5 * Environment.ProcessorCount;
    }

    [Theory]
    [InlineData("quant: there is no command 'frobnicate'; there are ", "frobnicate")]
    [InlineData("quant: Option '--out' is required.", "run", "m.onnx", "--data", "d.json")]
    [InlineData("quant: Argument 'best' not recognized. Must be one of: 'auto', 'minmax', 'percentile', 'entropy', 'mse'", "run", "m.onnx", "--data", "d.json", "--out", "o.onnx", "--method", "best")]
    [InlineData("quant: Cannot parse argument 'high' for option '--min-sqnr': a number is expected.", "run", "m.onnx", "--data", "d.json", "--out", "o.onnx", "--min-sqnr", "high")]
    [InlineData("quant: --samples needs a whole number of at least 1, not '0'.", "run", "m.onnx", "--data", "d.json", "--out", "o.onnx", "--samples", "0")]
    [InlineData("quant: --data and --synthetic exclude each other.", "run", "m.onnx", "--data", "d.json", "--out", "o.onnx", "--synthetic", "3")]
    public async Task A_wrong_command_line_says_what_is_wrong(string message, params string[] args)
    {
        Quant.Result result = await Quant.RunAsync(args);
        Assert.Equal((int)ExitCode.Usage, result.Code);
        Assert.StartsWith(message, result.Error);

        Assert.Equal("", result.Out);
    }
}
