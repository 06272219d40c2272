using QuantCluster.Search.Frontier;

namespace QuantCluster.Jobs;

/// <summary>Writes the models of a frontier beside the output: <c>OUT.frontier/1.onnx</c> is the fastest.</summary>
internal static class FrontierModels
{
    public static async Task WriteAsync(FrontierResult frontier, JobDirectory directory, CancellationToken cancellation)
    {
        string folder = Path.ChangeExtension(directory.Specification.Output, ".frontier");
        try
        {
            Directory.CreateDirectory(folder);

            // Of an earlier frontier with more points none may be left: they would be taken for this one's.
            foreach (string stale in Directory.EnumerateFiles(folder, "*.onnx").Where(f => int.TryParse(Path.GetFileNameWithoutExtension(f), out int n) && n > frontier.Points.Count))
                File.Delete(stale);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{folder}: the folder of the frontier's models cannot be made: {e.Message}", e);
        }

        foreach (FrontierPoint point in frontier.Points)
            await ModelBlobs.ExportAsync(directory.Blobs, BlobId.Parse(point.Model), Path.Combine(folder, $"{point.Number}.onnx"), cancellation, directory.Outputs);
    }
}
