using System.Globalization;
using System.Text;
using System.Text.Json;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// The tables of <c>docs/results.md</c>: every anchor through the real <c>quant run</c> process, without and with a search,
/// judged on the evaluation split, timed in turn with the float model and with the models other tools emitted.
/// </summary>
internal static class AnchorResults
{
    private static readonly Anchor[] All =
    [
        new("mobilenetv1", "mobilenetv1_0.75_224", "17.2 @ 1.8x", "25.7 @ 0.42x", "≥ 25 dB, top-1 ≥ 85.5", r => r.Sqnr >= 25 && r.Metric >= 85.5 && r.AgainstPeer >= 0.95, "≥ 27 dB", r => r.Sqnr >= 27 && r.AgainstFastest >= Tie),
        new("squeezenet", "squeezenet1.1", "24.1 @ 1.52x", "25.4 @ 0.47x", "≥ 23.5 dB", r => r.Sqnr >= 23.5 && r.AgainstPeer >= 0.95, "≥ 25 dB", r => r.Sqnr >= 25 && r.AgainstFastest >= Tie),
        new("resnet20", "resnet20_cifar10", "28.7 @ 1.54x", "31.1 @ 0.79x", "≥ 29 dB", r => r.Sqnr >= 29 && r.AgainstPeer >= 0.95, "≥ 30 dB", r => r.Sqnr >= 30 && r.AgainstFastest >= Tie),
        new("ocr", "ppocrv4_rec", "8.9 @ 1.33x, 14.2 @ 1.10x", "17.2 @ 0.67x", "lines ≥ 97 %, agreement ≥ 96.5 % @ ≥ 1.25x", r => r.Metric >= 97 && r.Agreement >= 96.5 && r.Speedup >= 1.25, "lines ≥ 98.5 %, agreement ≥ 98 %", r => r.Metric >= 98.5 && r.Agreement >= 98 && r.AgainstFastest >= Tie),
        new("kws", "kws_dscnn_fp32", "30.5 @ 0.89x", "32.1 @ 0.19x", "≥ 30 dB", r => r.Sqnr >= 30 && r.AgainstPeer >= 0.95, "≥ 32 dB @ ≥ 1.0x", r => r.Sqnr >= 32 && r.Speedup >= 1),
        new("vit", "vit_pgd_2_3_16", "28.3 @ 0.73x", "33.8 @ 0.73x", "≥ 30 dB", r => r.Sqnr >= 30 && r.AgainstPeer >= 0.95, "≥ 33.8 dB @ ≥ 1.0x", r => r.Sqnr >= 33.8 && r.Speedup >= 1),
        new("sst2", "sst2_encoder", "47.0 @ 1.16x", "48.4 @ 1.10x", "≥ 46 dB @ ≥ 1.1x", r => r.Sqnr >= 46 && r.Speedup >= 1.1, "≥ 48.5 dB @ ≥ 1.1x", r => r.Sqnr >= 48.5 && r.Speedup >= 1.1),
        new("stories", "stories260K", "29.6 @ 0.73x", "31.0 @ 0.96x", "≥ 29 dB, NLL ≤ 1.10", r => r.Sqnr >= 29 && r.Metric >= -1.10 && r.AgainstPeer >= 0.95, "≥ 31 dB @ ≥ 1.0x", r => r.Sqnr >= 31 && r.Speedup >= 1),
    ];

    /// <summary>Two models whose times differ by less are equally fast: what one of them shows from run to run.</summary>
    private const double Tie = 0.98;

    public static int Run(string[] arguments)
    {
        string? write = null;
        List<string> only = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--write" && i + 1 < arguments.Length)
                write = arguments[++i];
            else
                only.Add(arguments[i]);
        }

        string? anchors = AnchorFolder.Find();
        if (anchors is null)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        StringBuilder page = new(Header()), search = new(SearchHeader);
        using JsonDocument peers = JsonDocument.Parse(File.ReadAllText(Path.Combine(anchors, "peers.json")));
        using ScratchFolder scratch = new();
        foreach (Anchor anchor in All.Where(a => only.Count == 0 || only.Contains(a.Name)))
        {
            string row = Row(anchor, Measure(anchor, anchors, scratch.Path, "fast"));
            string found = SearchRow(anchor, Measure(anchor, anchors, scratch.Path, "balanced"));
            Console.WriteLine(row);
            Console.WriteLine(found);
            page.AppendLine(row);
            search.AppendLine(found);
        }

        page.Append(search);

        page.Append(Footprint.Section(anchors, peers.RootElement, scratch.Path));
        if (write is not null)
            File.WriteAllText(write, page.ToString());
        else
            Console.WriteLine(page);
        return 0;
    }

    private static Result Measure(Anchor anchor, string anchors, string scratch, string effort)
    {
        string model = Path.Combine(anchors, "models", anchor.Model + ".onnx");
        string emitted = Path.Combine(scratch, $"{anchor.Name}.{effort}.onnx");
        QuantProcess.Outcome run = QuantProcess.Run(
            "run", model, "--data", CaseFile(anchor, anchors, "calib", scratch), "--eval", CaseFile(anchor, anchors, "eval", scratch),
            "--out", emitted, "--job", Path.Combine(scratch, $"{anchor.Name}.{effort}.job"), "--effort", effort, "--json");
        string usual = Path.Combine(anchors, "peers", anchor.Name + ".onnxruntime.u8s8_pc.onnx");
        string[] others = [.. Directory.GetFiles(Path.Combine(anchors, "peers"), anchor.Name + ".*.onnx").Where(p => p != usual).Order(StringComparer.Ordinal)];
        double[] milliseconds = Latencies([model, emitted, usual, .. others], CaseFile(anchor, anchors, "calib", scratch));
        JsonElement json = run.Json;
        return new Result(
            Number(json, "sqnr_db"), Number(json, "agreement"), Number(json, "metric"), Number(json, "fp32_metric"),
            milliseconds[0] / milliseconds[1], milliseconds[0] / milliseconds[2], milliseconds[2] / milliseconds[1],
            milliseconds[0] / milliseconds[2..].Min(), milliseconds[2..].Min() / milliseconds[1],
            json.GetProperty("bytes").GetInt64(), json.GetProperty("fp32_bytes").GetInt64(), run.Seconds, Number(json, "peak_rss_mb"),
            json.GetProperty("search"), TaskOf(json.GetProperty("report").GetString()!));
    }

    /// <summary>What the report says of the task metric: by how much it fell, and how sure that is.</summary>
    private static JsonElement TaskOf(string page)
    {
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(page, ".json")));
        return report.RootElement.GetProperty("verification").GetProperty("task").Clone();
    }

    /// <summary>Median time of each model, run by run in turn, one thread, batch 1.</summary>
    private static double[] Latencies(string[] models, string spec)
    {
        SessionSettings settings = new() { Threads = 1 };
        ModelSession[] sessions = [.. models.Select(m => ModelSession.Open(m, settings))];
        try
        {
            using IDataset data = Datasets.Open(DatasetSpec.Load(spec), sessions[0].Inputs);
            Sample sample = data.Read(0);
            Action[] runs = [.. sessions.Select(s => (Action)(() => s.Run(sample).Dispose()))];
            double once = Interleaved.Medians(runs, 5).Sum();
            return Interleaved.Medians(runs, (int)Math.Clamp(12_000 / once, 30, 5000));
        }
        finally
        {
            foreach (ModelSession session in sessions)
                session.Dispose();
        }
    }

    /// <summary>The anchor's spec; the OCR anchor's evaluation gets the metric its labels are for.</summary>
    private static string CaseFile(Anchor anchor, string anchors, string split, string scratch) =>
        split == "eval" ? EvaluationOf(anchor.Name, anchors, scratch) : Path.Combine(anchors, "cases", $"{anchor.Name}.{split}.json");

    /// <summary>The spec of an anchor's evaluation split.</summary>
    internal static string EvaluationOf(string anchor, string anchors, string scratch)
    {
        string path = Path.Combine(anchors, "cases", $"{anchor}.eval.json");
        if (anchor != "ocr")
            return path;
        string data = Path.Combine(anchors, "data");
        string extended = Path.Combine(scratch, "ocr.eval.json");
        using JsonDocument spec = JsonDocument.Parse(File.ReadAllText(path).Replace("../data/", data.Replace('\\', '/') + "/", StringComparison.Ordinal));
        Dictionary<string, object> members = new()
        {
            ["inputs"] = spec.RootElement.GetProperty("inputs"),
            ["labels"] = Path.Combine(data, "ocr_eval_text.json"),
            ["dictionary"] = Path.Combine(data, "ocr_keys.txt"),
            ["metric"] = "ctc-lines",
        };
        File.WriteAllText(extended, JsonSerializer.Serialize(members));
        return extended;
    }

    private static string Drop(Result r)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{Number(r.Task, "drop"):0.00} ({Number(r.Task, "drop_low"):0.00} to {Number(r.Task, "drop_high"):0.00})");
        return r.Task.GetProperty("is_significant").GetBoolean() ? $"**{text}**" : text;
    }

    private static double Number(JsonElement json, string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;

    private static string Header() => string.Create(CultureInfo.InvariantCulture,
        $"""
        # Results

        Made by one command, on {MachineFacts.Processor} ({Environment.ProcessorCount} cores), ONNX Runtime {ModelSession.RuntimeVersion}:

        ```
        dotnet run -c Release --project bench -- results --write docs/results.md
        ```

        Every model is made by `quant run MODEL --data CALIB --eval EVAL --out OUT` with default settings and judged as emitted,
        in ONNX Runtime at its default optimization level, on the evaluation split. Speedups are float time / model time, batch 1,
        one thread, medians of runs taken in turn in one process; "u8s8_pc" is the model ONNX Runtime's own `quantize_static`
        emitted with per-channel weights. "Existing" are other tools' best figures as published with the anchors (another machine).
        SQNR in dB; task metric in percent, for stories minus the negative log-likelihood a token. Its drop is how much worse it is than the
        float model's, in percentage points (stories: percent), with its 95 % interval by a paired bootstrap over records; **bold** where it
        is significant (McNemar's exact test, p < 0.05; stories: an interval without 0).

        | anchor | existing, fast (dB @ speedup) | existing, most accurate | must reach | reached | SQNR | agreement | task metric (float) | its drop | speedup | u8s8_pc's speedup | ours / u8s8_pc | size | time | peak memory |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |

        """);

    private static string Row(Anchor anchor, Result r) => string.Create(CultureInfo.InvariantCulture,
        $"| {anchor.Name} | {anchor.Fast} | {anchor.Accurate} | {anchor.Target} | {(anchor.IsReached(r) ? "yes" : "**no**")} | {r.Sqnr:0.00} | {r.Agreement:0.00} % | {r.Metric:0.###} ({r.FloatMetric:0.###}) | {Drop(r)} | {r.Speedup:0.00}x | {r.PeerSpeedup:0.00}x | {r.AgainstPeer:0.00} | {r.Bytes / 1e6:0.00} of {r.FloatBytes / 1e6:0.00} MB | {r.Seconds:0.0} s | {r.PeakMegabytes:0} MB |");

    private const string SearchHeader =
        """

        ## With a search

        The same with `--effort balanced`; reached also asks for a task metric within 0.1 % of float's, or no significant drop. "Fastest existing" is the fastest of the other tools' models kept with the anchors, timed in
        the same run; within 2 %, what one model's time differs from run to run, is as fast. Errors are means a sample of the objective: on the search samples, on those held back to judge, and what the fast
        start had on the latter.

        | anchor | must reach | reached | SQNR | agreement | task metric (float) | its drop | speedup | fastest existing | ours / fastest | size | search / validation error | start's validation error | trials | winner | time |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |

        """;

    private static string SearchRow(Anchor anchor, Result r) => string.Create(CultureInfo.InvariantCulture,
        $"| {anchor.Name} | {anchor.SearchTarget} | {(anchor.IsFound(r) && r.KeepsTask ? "yes" : "**no**")} | {r.Sqnr:0.00} | {r.Agreement:0.00} % | {r.Metric:0.###} ({r.FloatMetric:0.###}) | {Drop(r)} | {r.Speedup:0.00}x | {r.FastestSpeedup:0.00}x | {r.AgainstFastest:0.00} | {r.Bytes / 1e6:0.00} of {r.FloatBytes / 1e6:0.00} MB | {Number(r.Search, "search_error"):0.00e-0} / {Number(r.Search, "error"):0.00e-0} | {Number(r.Search, "start_error"):0.00e-0} | {Number(r.Search, "trials"):0} | {r.Search.GetProperty("winner").GetString()}, {r.Search.GetProperty("float").GetArrayLength()} layers back to float | {r.Seconds:0.0} s |");

    private sealed record Anchor(
        string Name, string Model, string Fast, string Accurate, string Target, Func<Result, bool> IsReached, string SearchTarget, Func<Result, bool> IsFound);

    private sealed record Result(
        double Sqnr, double Agreement, double Metric, double FloatMetric, double Speedup, double PeerSpeedup, double AgainstPeer,
        double FastestSpeedup, double AgainstFastest, long Bytes, long FloatBytes, double Seconds, double PeakMegabytes, JsonElement Search, JsonElement Task)
    {
        /// <summary>Whether the task metric is within 0.1 % of float's, or no worse by more than chance explains.</summary>
        public bool KeepsTask => !Task.GetProperty("is_significant").GetBoolean() || Metric >= FloatMetric - (0.001 * Math.Abs(FloatMetric));
    }
}
