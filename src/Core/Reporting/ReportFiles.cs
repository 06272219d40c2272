using System.Text;
using QuantCluster.Jobs;

namespace QuantCluster.Reporting;

/// <summary>Writes a report's files into a folder: <c>report.html</c> and <c>report.json</c>.</summary>
public static class ReportFiles
{
    /// <summary>Writes both; a reader sees the old file or the new one, never half of one.</summary>
    /// <returns>The path of <c>report.html</c>.</returns>
    /// <exception cref="QuantException">The folder cannot be written.</exception>
    public static string Write(Report report, string directory, OutputFiles? files = null)
    {
        files ??= OutputFiles.InPlace;
        try
        {
            Directory.CreateDirectory(directory);
            Task<string> json = Task.Run(() => JsonReport.Render(report));
            string html = Path.Combine(directory, "report.html"), page = HtmlReport.Render(report);
            files.Write(Path.Combine(directory, "report.json"), Encoding.UTF8.GetBytes(json.GetAwaiter().GetResult()));
            files.Write(html, Encoding.UTF8.GetBytes(page));
            return html;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{directory}: the report cannot be written: {e.Message}", e);
        }
    }
}
