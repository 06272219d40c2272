using System.Globalization;
using System.Text;
using System.Text.Json;

namespace QuantCluster.Bench;

/// <summary>
/// Time and memory of a whole process: min-max without corrections, against what ONNX Runtime's min-max calibration
/// took (its figures stand beside the anchors; they were measured on another machine, so compare loosely).
/// </summary>
internal static class Footprint
{
    /// <summary>Whole processes, each a job of its own; the median counts.</summary>
    private const int Runs = 3;

    public static string Section(string anchors, JsonElement peers, string scratch)
    {
        StringBuilder section = new(
            """

            ## Time and memory of a whole process

            `quant run MODEL --data CALIB --out OUT --method minmax --correct none`, verification included, median of three runs, against ONNX Runtime's
            `quantize_static` with min-max calibration (its figures: another machine).

            | anchor | ours | ONNX Runtime | time ratio | our peak memory | ONNX Runtime's | memory ratio |
            | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach ((string name, string model) in (ReadOnlySpan<(string, string)>)[("ocr", "ppocrv4_rec"), ("mobilenetv1", "mobilenetv1_0.75_224")])
        {
            QuantProcess.Outcome run = Enumerable.Range(0, Runs).Select(i => QuantProcess.Run(
                "run", Path.Combine(anchors, "models", model + ".onnx"), "--data", Path.Combine(anchors, "cases", name + ".calib.json"),
                "--out", Path.Combine(scratch, $"{name}.minmax{i}.onnx"), "--job", Path.Combine(scratch, $"{name}.minmax{i}.job"),
                "--method", "minmax", "--correct", "none", "--json")).OrderBy(r => r.Seconds).ElementAt(Runs / 2);
            JsonElement peer = peers.GetProperty(name).GetProperty("entries").EnumerateArray()
                .First(e => e.GetProperty("tool").GetString()!.StartsWith("onnxruntime", StringComparison.Ordinal) && e.GetProperty("preset").GetString() == "u8s8_pc");
            double seconds = peer.GetProperty("seconds").GetDouble(), megabytes = peer.GetProperty("rss_mb").GetDouble();
            double ours = run.Json.GetProperty("peak_rss_mb").GetDouble();
            string row = string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {run.Seconds:0.0} s | {seconds:0.0} s | {run.Seconds / seconds:0.00} | {ours:0} MB | {megabytes:0} MB | {ours / megabytes:0.00} |");
            Console.WriteLine(row);
            section.AppendLine(row);
        }

        return section.ToString();
    }
}
