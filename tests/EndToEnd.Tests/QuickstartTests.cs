using System.Text.Json;

namespace QuantCluster.Tests;

public class QuickstartTests
{
    [Fact]
    public async Task Quickstart_on_the_digits_sample_fetches_nothing_and_keeps_the_accuracy()
    {
        string folder = Directory.CreateTempSubdirectory("quick start ").FullName;
        try
        {
            Quant.Result result = await Quant.RunAsync("quickstart", "--sample", "digits", "--out", folder, "--json");

            Assert.Equal(0, result.Code);
            Assert.DoesNotContain("Fetching", result.Error);
            using JsonDocument outcome = JsonDocument.Parse(result.Out);
            Assert.InRange(outcome.RootElement.GetProperty("metric").GetDouble(), 98, 100);
            Assert.Equal(0, outcome.RootElement.GetProperty("layers").GetProperty("float").GetArrayLength());
            Assert.True(File.Exists(Path.Combine(folder, "digits.int8.onnx")));
            Assert.True(File.Exists(Path.Combine(folder, "report", "report.html")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
