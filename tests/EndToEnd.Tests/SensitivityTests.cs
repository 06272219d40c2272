using System.Diagnostics;
using System.Text.Json;

namespace QuantCluster.Tests;

public sealed class SensitivityTests : IDisposable
{
    private static readonly string Model = Samples.Path("digits/digits.onnx"), Data = Samples.Path("digits/calib.json");

    private readonly string _folder = Directory.CreateTempSubdirectory("quant-e2e-").FullName;

    [Fact]
    public async Task Every_quantized_layer_of_the_sample_is_measured_from_both_ends()
    {
        string file = Path.Combine(_folder, "sensitivity.json");
        Quant.Result result = await Quant.RunAsync("sensitivity", Model, "--data", Data, "--samples", "20", "--job", Path.Combine(_folder, "job"), "--out", file, "--json");
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Code);
        Assert.Equal(File.ReadAllText(file).TrimEnd(), result.Out);
        using JsonDocument json = JsonDocument.Parse(result.Out);
        Assert.Equal(20, json.RootElement.GetProperty("samples").GetArrayLength());
        Assert.InRange(json.RootElement.GetProperty("agreement").GetDouble(), -1, 1);
        double all = json.RootElement.GetProperty("all_quantized").GetDouble();
        JsonElement[] layers = [.. json.RootElement.GetProperty("layers").EnumerateArray()];
        Assert.Equal(8, layers.Length);
        Assert.All(layers, l => Assert.InRange(l.GetProperty("only_this").GetDouble(), 1e-9, 10 * all));
        Assert.All(layers, l => Assert.InRange(l.GetProperty("all_but_this").GetDouble(), 1e-9, 10 * all));
    }

    [Fact]
    public async Task Piped_output_is_a_plain_table_with_the_costliest_layer_first()
    {
        Quant.Result result = await Quant.RunAsync("sensitivity", Model, "--data", Data, "--samples", "4", "--latency", "--threads", "1", "--job", Path.Combine(_folder, "job"));
        Assert.Equal("", result.Error);
        string[] lines = result.Out.Split('\n');
        Assert.Contains("all but this", lines[0]);
        Assert.Contains("speedup", lines[0]);
        Assert.Contains(new string('█', 24), lines[1]);
        Assert.Contains(lines, l => l.StartsWith("time ", StringComparison.Ordinal) && l.EndsWith("1 threads", StringComparison.Ordinal));
        Assert.DoesNotContain("\e", result.Out);
        Assert.Contains(lines, l => l.StartsWith("all ", StringComparison.Ordinal) && l.Contains("with all 8 layers quantized"));
    }

    [Fact]
    public async Task Stopped_by_Ctrl_C_the_same_command_goes_on_to_the_same_bytes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "skipped: sends a signal");
        string[] Command(string job) => ["sensitivity", Model, "--data", Data, "--job", Path.Combine(_folder, job), "--json"];
        Quant.Result whole = await Quant.RunAsync(Command("whole"));
        string journal = Path.Combine(_folder, "stopped", "journal.jsonl");
        using (Process process = Quant.Start(Command("stopped")))
        {
            while (!process.HasExited && Trials(journal) < 2)
                await Task.Delay(5);
            Quant.Interrupt(process);
            Quant.Result stopped = await Quant.FinishAsync(process);
            Assert.SkipWhen(stopped.Code == 0, "skipped: it was done before it could be stopped");
            Assert.Equal("quant: stopped. Finished trials are kept: the same command goes on.", stopped.Error);
            Assert.Equal((int)ExitCode.Cancelled, stopped.Code);
        }

        int finished = Trials(journal);
        Quant.Result resumed = await Quant.RunAsync(finished % 2 == 0 ? ["resume", Path.Combine(_folder, "stopped"), "--json"] : Command("stopped"));
        Assert.Equal(whole.Out, resumed.Out);
        Assert.Equal(Trials(Path.Combine(_folder, "whole", "journal.jsonl")), Trials(journal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Finished trials in a journal that another process may be writing.</summary>
    private static int Trials(string journal)
    {
        if (!File.Exists(journal))
            return 0;
        using FileStream stream = new(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().Split('\n').Count(l => l.Contains("evaluate-trial", StringComparison.Ordinal));
    }
}
