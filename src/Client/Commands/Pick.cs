using System.CommandLine;
using System.Globalization;
using QuantCluster.Jobs;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant pick JOB N --out OUT</c>: writes one model of a job's frontier.</summary>
internal static class Pick
{
    public static Command Create()
    {
        Argument<string> job = new("JOB") { Description = "Folder of a job with a frontier." };
        Argument<int> number = new("N") { Description = "The point, as 'quant frontier JOB' numbers them." };
        Option<string> output = new("--out", "-o") { HelpName = "OUT.onnx", Required = true, Description = "Where the model is written." };
        Command command = new("pick", "Writes one model of a job's frontier.") { job, number, output };
        command.SetAction((parsed, cancellation) => ExecuteAsync(parsed.GetValue(job)!, parsed.GetValue(number), parsed.GetValue(output)!, cancellation));
        return command;
    }

    private static async Task<int> ExecuteAsync(string job, int number, string output, CancellationToken cancellation)
    {
        FrontierResult frontier = FrontierFile.Load(job);
        string path = Path.GetFullPath(output);
        AtomicFile.EnsureWritable(path, "--out");
        if (frontier.Points.FirstOrDefault(p => p.Number == number) is not { } point)
            throw new QuantException(ExitCode.Usage, $"{job}: its frontier has points 1 to {frontier.Points.Count}, not {number}. 'quant frontier {job}' shows them.");
        FolderBlobStore blobs = new(Path.Combine(job, "blobs"));
        if (!await blobs.IsIntactAsync(BlobId.Parse(point.Model), cancellation))
            throw new QuantException(ExitCode.BadData, $"{job}: the model of point {number} is no longer in its blobs. Run the job again with 'quant resume {job}'.");
        await ModelBlobs.ExportAsync(blobs, BlobId.Parse(point.Model), path, cancellation);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{path}: point {number}, {point.Latency.PairwiseSpeedup:0.00}x the speed of float, {point.Bytes / 1e6:0.000} MB, {point.Quantized.Count} layers on integers"));
        return (int)ExitCode.Success;
    }
}
