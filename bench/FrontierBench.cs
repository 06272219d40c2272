using System.Globalization;
using System.Text;
using System.Text.Json;
using QuantCluster.Inference;
using QuantCluster.Reporting;
using QuantCluster.Search.Frontier;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// The page and pictures of <c>docs/frontiers.md</c>: the frontier of some anchors through the real <c>quant</c> process, each
/// point judged on the evaluation split.
/// </summary>
internal static class FrontierBench
{
    private static readonly (string Name, string Model)[] Anchors =
    [
        ("mobilenetv1", "mobilenetv1_0.75_224"), ("ocr", "ppocrv4_rec"), ("squeezenet", "squeezenet1.1"), ("resnet20", "resnet20_cifar10"),
        ("kws", "kws_dscnn_fp32"), ("vit", "vit_pgd_2_3_16"), ("sst2", "sst2_encoder"), ("stories", "stories260K"),
    ];

    /// <param name="arguments">Anchors, by default MobileNetV1 and OCR; <c>--write FOLDER</c>, <c>--jobs FOLDER</c> to go on with jobs kept there.</param>
    public static int Run(string[] arguments)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        List<string> only = [];
        string? write = null, jobs = null;
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--write" && i + 1 < arguments.Length)
                write = arguments[++i];
            else if (arguments[i] == "--jobs" && i + 1 < arguments.Length)
                jobs = Directory.CreateDirectory(arguments[++i]).FullName;
            else
                only.Add(arguments[i]);
        }

        using ScratchFolder scratch = new();
        StringBuilder page = new(Header());
        foreach ((string name, string model) in Anchors.Where(a => only.Count == 0 ? a.Name is "mobilenetv1" or "ocr" : only.Contains(a.Name)))
        {
            string section = Section(name, Path.Combine(anchors, "models", model + ".onnx"), anchors, jobs ?? scratch.Path, write);
            Console.WriteLine(section);
            page.Append(section);
        }

        if (write is not null)
            File.WriteAllText(Path.Combine(write, "frontiers.md"), page.ToString());
        return 0;
    }

    private static string Section(string name, string model, string anchors, string jobs, string? write)
    {
        string job = Path.Combine(jobs, name + ".job"), evaluation = AnchorResults.EvaluationOf(name, anchors, jobs);
        QuantProcess.Run("run", model, "--data", Path.Combine(anchors, "cases", $"{name}.calib.json"), "--out", Path.Combine(jobs, name + ".onnx"), "--job", job, "--frontier", "8", "--json");
        FrontierResult frontier = FrontierFile.Load(job);
        if (write is not null)
            File.WriteAllText(Path.Combine(write, $"frontier.{name}.svg"), FrontierFiles.Draw(frontier));

        StringBuilder text = new(string.Create(CultureInfo.InvariantCulture,
            $"""
            ## {name}
            ![error against time](frontier.{name}.svg)

            ```
            quant run {Path.GetFileName(model)} --data {name}.calib.json --out out.onnx --job {name}.job --frontier 8
            quant pick {name}.job N --out N.onnx
            quant verify {Path.GetFileName(model)} N.onnx --data {name}.eval.json
            ```

            {frontier.Candidates} sets of layers were judged on {frontier.SearchSamples.Count} samples, {frontier.Measured} models emitted, validated on {frontier.ValidationSamples.Count} others and timed; times were foretold to {frontier.PredictionError * 100:0.0} %.

            | N | speed | error, held back | SQNR, evaluation | agreement | task metric (float) | size | on integers | how it came about |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |

            """));
        foreach (FrontierPoint point in frontier.Points)
        {
            string emitted = Path.ChangeExtension(Path.Combine(jobs, name + ".onnx"), ".frontier");
            JsonElement figures = QuantProcess.Run("verify", model, Path.Combine(emitted, $"{point.Number}.onnx"), "--data", evaluation, "--no-latency", "--json").Json;
            text.AppendLine(Row(point, figures));
        }

        return text.AppendLine().ToString();
    }

    private static string Row(FrontierPoint p, JsonElement figures) => string.Create(CultureInfo.InvariantCulture,
        $"| {p.Number} | {p.Latency.PairwiseSpeedup:0.00}x ({p.Latency.SpeedupLow:0.00} to {p.Latency.SpeedupHigh:0.00}) | {p.Error:0.##e0} ± {p.ErrorStandardError:0.#e0} | {Metric(figures, "sqnr_db"):0.00} dB | {Metric(figures, "agreement"):0.00} % | {Task(figures)} | {p.Bytes / 1e6:0.00} MB | {p.Quantized.Count} of {p.Quantized.Count + p.BackToFloat.Count} | {p.Origin} |");

    private static double Metric(JsonElement figures, string name) =>
        figures.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;

    private static string Task(JsonElement figures) => double.IsNaN(Metric(figures, "metric")) ? ""
        : string.Create(CultureInfo.InvariantCulture, $"{Metric(figures, "metric"):0.##} ({Metric(figures, "fp32_metric"):0.##})");

    private static string Header() => string.Create(CultureInfo.InvariantCulture,
        $"""
        # Frontiers

        Made by one command, on {MachineFacts.Processor} ({Environment.ProcessorCount} cores), ONNX Runtime {ModelSession.RuntimeVersion}:

        ```
        dotnet run -c Release --project bench -- frontier --write docs
        ```

        Speed is float time / model time, one thread, batch 1, runs taken in turn, with its 95 % interval. How a frontier is made:
        [frontier.md](frontier.md). On another machine other points may lie on it; the layers of each are in `frontier.json` of the job
        (`back_to_float`), and `quant run --keep-float LAYER... --speed ignore` makes a model with just these layers float anywhere.


        """);
}
