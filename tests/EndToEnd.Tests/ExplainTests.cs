using System.Diagnostics;
using System.Text.Json;

namespace QuantCluster.Tests;

public class ExplainTests
{
    [Theory]
    [InlineData("explain -- -1 2 --values -0.8 0.5 1.5 --json")]
    [InlineData("explain --json --values -0.8 0.5 1.5 -- -1 2")]
    [InlineData("explain -1 2 --json --values -0.8 0.5 1.5")]
    public void The_lecture_example_can_be_asked_for_in_every_order(string arguments)
    {
        (int code, string output, _) = Quant(arguments);
        Assert.Equal(0, code);
        JsonElement explained = JsonDocument.Parse(output).RootElement;
        Assert.Equal(-43, explained.GetProperty("zero_point").GetInt32());
        Assert.Equal((float)(3.0 / 255), explained.GetProperty("scale").GetSingle());
        Assert.Equal([-111, -1, 85], explained.GetProperty("values").EnumerateArray().Select(v => v.GetProperty("quantized").GetInt32()));
        Assert.Equal("1|01110|1001100110", explained.GetProperty("values")[0].GetProperty("fp16").GetProperty("bits").GetString());
    }

    [Fact]
    public void Piped_output_is_plain_text()
    {
        (int code, string output, _) = Quant("explain -- -1 2 --values 0.5 70000");
        Assert.Equal(0, code);
        Assert.DoesNotContain('\u001b', output);
        Assert.Contains("3 / 255", output);
        Assert.Contains("overflow", output);
    }

    [Theory]
    [InlineData("explain 1", "a range has two ends, here are 1.")]
    [InlineData("explain 2 1", "the range [2, 1] is inverted")]
    [InlineData("explain 1 2 --type int7", "'int7' is no integer type")]
    [InlineData("explain 1 2 --values big", "'big' is no finite float32 number")]
    public void A_wrong_question_is_answered_with_what_is_wrong(string arguments, string message)
    {
        (int code, _, string error) = Quant(arguments);
        Assert.Equal(2, code);
        Assert.StartsWith("quant: " + message, error);
    }

    private static (int Code, string Output, string Error) Quant(string arguments)
    {
        ProcessStartInfo start = new("dotnet", $"\"{Path.Combine(AppContext.BaseDirectory, "quant.dll")}\" {arguments}")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
