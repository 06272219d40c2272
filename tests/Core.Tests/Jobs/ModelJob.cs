using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Search;

namespace QuantCluster.Tests.Jobs;

/// <summary>Whole jobs on this machine: job NAME is in the folder NAME, and writes NAME.onnx.</summary>
internal static class ModelJob
{
    /// <param name="data">A file of samples; null where the settings ask for synthetic ones.</param>
    /// <param name="stop">Asks the search for its best so far.</param>
    /// <param name="engine">Null for this machine's, with as many workers as the settings say.</param>
    /// <param name="cancellation">Stops all of it.</param>
    public static Task<JobOutcome> RunAsync(
        TemporaryFolder folder, string name, OnnxModel model, JobSettings settings, SearchSettings? search = null, string? data = null,
        CancellationToken stop = default, IProgress<SearchProgress>? progress = null, IWorkEngine? engine = null, CancellationToken cancellation = default)
    {
        model.Save(folder["model.onnx"]);
        return RunAsync(folder, name, folder["model.onnx"], settings, search, data, stop, progress, engine, cancellation);
    }

    /// <inheritdoc cref="RunAsync(TemporaryFolder, string, OnnxModel, JobSettings, SearchSettings?, string?, CancellationToken, IProgress{SearchProgress}?, IWorkEngine?, CancellationToken)"/>
    public static async Task<JobOutcome> RunAsync(
        TemporaryFolder folder, string name, string model, JobSettings settings, SearchSettings? search = null, string? data = null,
        CancellationToken stop = default, IProgress<SearchProgress>? progress = null, IWorkEngine? engine = null, CancellationToken cancellation = default)
    {
        using JobSources sources = JobSources.Open(model, data, null, settings);
        JobSpecification specification = new()
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = folder[$"{name}.onnx"],
            Settings = settings,
            Search = search,
        };
        using JobDirectory directory = JobDirectory.Create(folder[name], specification);
        return await new QuantizationJob(directory, sources, engine ?? new LocalEngine(Math.Max(1, settings.Workers))) { StopSearch = stop, SearchProgress = progress }
            .RunAsync(cancellation);
    }

    /// <summary>Lines of a job's journal that are trials of blocks of samples.</summary>
    public static string[] Trials(TemporaryFolder folder, string name) =>
        [.. File.ReadLines(folder[$"{name}/journal.jsonl"]).Where(l => l.Contains("evaluate-trial", StringComparison.Ordinal))];
}
