using System.CommandLine;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Reporting;
using QuantCluster.Verification;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant verify FP32 INT8 --data EVAL</c>: how far a quantized model is from its float original, and how fast.</summary>
internal static class Verify
{
    public static Command Create()
    {
        Argument<string> reference = new("FP32") { Description = "The float model." };
        Argument<string> quantized = new("INT8") { Description = "The quantized model, made by any tool." };
        Option<string> data = new("--data") { HelpName = "SPEC.json", Description = "Data to verify on, best such that calibration did not see: a data spec, or a bare file or folder when the model has one input.", Required = true };
        Option<string?> metric = new("--metric") { HelpName = "NAME", Description = $"Task metric, instead of the spec's: {TaskMetrics.Known}." };
        Option<string?> labels = new("--labels") { HelpName = "FILE", Description = "Labels file, instead of the spec's." };
        Option<string?> dictionary = new("--dictionary") { HelpName = "FILE", Description = "File with one character a line, for ctc-lines, instead of the spec's." };
        Option<int?> samples = CountOption.Create("--samples", "Use only the first N samples.");
        Option<int> threads = new("--threads") { HelpName = "N", Description = "Samples compared at the same time; 0 for one a core. Results do not depend on it." };
        Option<bool> noLatency = new("--no-latency") { Description = "Do not measure latency." };
        Option<double> seconds = new("--latency-seconds") { HelpName = "S", Description = "Time to measure latency, for one and for all threads each.", DefaultValueFactory = _ => 4 };
        Option<string?> report = new("--report") { HelpName = "DIR", Description = "Folder to write report.html and report.json into." };
        Option<bool> json = new("--json") { Description = "One JSON object on stdout instead of tables." };
        Option<double?> minimumSqnr = new("--min-sqnr") { HelpName = "DB", Description = "Fail (exit code 6) below so many dB." };
        Option<double?> maximumDrop = new("--max-drop") { HelpName = "X", Description = "Fail (exit code 6) if the task metric drops by more points; for next-token-nll, percent of the NLL." };
        Command command = new("verify", "Compares a quantized model with its float original: error, task metric, latency, size.")
        {
            reference, quantized, data, metric, labels, dictionary, samples, threads, noLatency, seconds, report, json, minimumSqnr, maximumDrop,
        };
        command.SetAction((parsed, cancellation) =>
        {
            VerifyRequest request = new()
            {
                Reference = parsed.GetValue(reference)!,
                Quantized = parsed.GetValue(quantized)!,
                Data = parsed.GetValue(data)!,
                Metric = parsed.GetValue(metric),
                Labels = parsed.GetValue(labels),
                Dictionary = parsed.GetValue(dictionary),
                Samples = parsed.GetValue(samples),
                Workers = parsed.GetValue(threads) is var n and > 0 ? n : Environment.ProcessorCount,
                LatencySeconds = parsed.GetValue(noLatency) ? null : parsed.GetValue(seconds),
                ReportDirectory = parsed.GetValue(report),
                Json = parsed.GetValue(json),
                Gates = new Gates { MinimumSqnrDb = parsed.GetValue(minimumSqnr), MaximumDrop = parsed.GetValue(maximumDrop) },
            };
            Run(request, cancellation);
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static void Run(VerifyRequest request, CancellationToken cancellation)
    {
        VerifiedModel reference = VerifiedModel.FromFile(request.Reference), quantized = VerifiedModel.FromFile(request.Quantized);
        (DatasetSpec spec, IDataset opened) = Open(request.Data, reference);
        using IDataset data = opened;
        ITaskMetric? task = request.TaskMetric(spec);
        request.CheckGates(task);

        VerificationSettings settings = new()
        {
            Workers = request.Workers,
            MaximumSamples = request.Samples,
            Latency = request.LatencySeconds is { } seconds ? new LatencySettings { Budget = TimeSpan.FromSeconds(seconds) } : null,
        };
        VerificationResult result = ProgressLine.While(progress =>
            Verifier.Verify(reference, quantized, data, task, settings, progress, cancellation));

        Report report = new()
        {
            Title = Path.GetFileNameWithoutExtension(request.Reference),
            ReferenceName = Path.GetFileName(request.Reference),
            QuantizedName = Path.GetFileName(request.Quantized),
            Verification = result,
            Gates = request.Gates.Judge(result),
            Layers = [.. LayerPlacement.Read(quantized.Model).Select(ToReported)],
            Settings = [new("data", request.Data), new("metric", task?.Name ?? "none"), new("samples", result.Samples.ToString(System.Globalization.CultureInfo.InvariantCulture))],
            Environment = ReportedEnvironment.Current(),
        };
        string? html = request.ReportDirectory is { } directory ? ReportFiles.Write(report, directory) : null;
        if (request.Json)
            Console.WriteLine(VerifyJson.Render(report, html));
        else
            VerifyScreen.Show(report, html);

        if (report.Gates.Where(g => !g.IsMet).ToList() is { Count: > 0 } missed)
            throw new QuantException(ExitCode.GateNotMet, $"gate not met: {string.Join("; ", missed.Select(g => g.Message))}.");
    }

    private static (DatasetSpec Spec, IDataset Data) Open(string path, VerifiedModel model)
    {
        using ModelSession session = model.Open(new SessionSettings { Optimization = GraphOptimization.None });
        DatasetSpec spec = DatasetSpec.FromArgument(path, session.Inputs, out string? assumption);
        if (assumption is not null)
            Console.Error.WriteLine($"quant: {assumption}");
        return (spec, Datasets.Open(spec, session.Inputs));
    }

    private static ReportedLayer ToReported(LayerPlacement layer) => new()
    {
        Name = layer.Node.Name.Length > 0 ? layer.Node.Name : layer.Output,
        Op = layer.Node.OpType,
        Output = layer.Output,
        IsQuantized = layer.IsQuantized,
        IsWeightOnly = layer.IsWeightOnly,
        Reason = layer.Reason,
        Weights = layer.Weights,
    };
}
