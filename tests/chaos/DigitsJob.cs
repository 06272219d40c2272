using System.Text.Json;
using QuantCluster.Jobs;
using QuantCluster.Search;

namespace QuantCluster.Tests.Chaos;

/// <summary>The digits sample as a job: small, but every stage of a large one.</summary>
internal static class DigitsJob
{
    public static string Model => Samples.Path("digits/digits.onnx");

    public static string Data => Samples.Path("digits/calib.json");

    /// <summary>A search of a few seconds, whose trials no timing decides.</summary>
    public static SearchSettings Search { get; } = new() { Trials = 60, Corrections = Corrections.LayerCorrection.None };

    public static JobSources Open(JobSettings settings) => JobSources.Open(
        Model, Data, Samples.Path("digits/eval.json"), settings);

    public static JobSpecification Specify(JobSources sources, JobSettings settings, string output, SearchSettings? search = null) => new()
    {
        Tool = QuantizationJob.ToolVersion,
        Model = sources.ModelInput,
        Data = sources.DataInput,
        Evaluation = sources.EvaluationInput,
        Output = output,
        Settings = settings,
        Search = search,
    };

    /// <summary>What <c>quant run</c> makes of it in one process: the bytes, and the keys of its journal.</summary>
    public static async Task<(byte[] Model, IReadOnlyList<string> Journal)> RunAloneAsync(JobSettings settings, SearchSettings? search = null)
    {
        string folder = Directory.CreateTempSubdirectory("quant-alone-").FullName;
        try
        {
            string output = Path.Combine(folder, "digits.int8.onnx"), job = Path.Combine(folder, "job");
            using (JobSources sources = Open(settings))
            using (JobDirectory directory = JobDirectory.Create(job, Specify(sources, settings, output, search)))
                await new QuantizationJob(directory, sources, new LocalEngine(1)).RunAsync(default);
            return (File.ReadAllBytes(output), KeysOf(Path.Combine(job, "journal.jsonl")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static IReadOnlyList<string> KeysOf(string journal) =>
    [
        .. File.ReadAllLines(journal).Select(line =>
        {
            using JsonDocument record = JsonDocument.Parse(line);
            return record.RootElement.GetProperty("key").GetString()!;
        }),
    ];
}
