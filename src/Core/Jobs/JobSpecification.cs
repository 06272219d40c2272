using System.Text.Json;
using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Jobs;

/// <summary>A file the job depends on: where it was, and what was in it.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Sha256">Hash of the content; for data sets see <see cref="Fingerprint"/>.</param>
public sealed record JobInput(string Path, string Sha256);

/// <summary>What a job is asked to do: the content of <c>job.json</c>. The result depends on nothing else.</summary>
public sealed record JobSpecification
{
    /// <summary>Version of the job folder's layout.</summary>
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>Version of the program that made the job; another version starts the stages anew.</summary>
    public required string Tool { get; init; }

    public required JobInput Model { get; init; }

    /// <summary>The calibration data; null when synthetic data was asked for.</summary>
    public JobInput? Data { get; init; }

    /// <summary>The held-out data of the verification; null to verify on the calibration data.</summary>
    public JobInput? Evaluation { get; init; }

    /// <summary>Statistics that <c>quant calibrate</c> wrote, taken instead of a calibration pass; null to make that pass.</summary>
    public JobInput? Statistics { get; init; }

    /// <summary>Absolute path of the model, or of the sensitivity file, to be written; empty for a sensitivity that is only shown.</summary>
    public required string Output { get; init; }

    /// <summary>Absolute path of the report's folder.</summary>
    public string? Report { get; init; }

    public required JobSettings Settings { get; init; }

    /// <summary>How the search goes; null where there is none (<c>--effort fast</c>).</summary>
    public SearchSettings? Search { get; init; }

    /// <summary>Set where the job measures sensitivity (<see cref="SensitivityJob"/>) instead of making a model.</summary>
    public SensitivitySettings? Sensitivity { get; init; }

    /// <summary>
    /// The same job with relative paths taken from <paramref name="folder"/>, the job's own: in a store that many
    /// machines share, each sees it at another place.
    /// </summary>
    public JobSpecification In(string folder)
    {
        return this with
        {
            Model = Resolve(Model)!,
            Data = Resolve(Data),
            Evaluation = Resolve(Evaluation),
            Statistics = Resolve(Statistics),
            Output = Output.Length == 0 ? "" : Absolute(Output),
            Report = Report is null ? null : Absolute(Report),
        };

        JobInput? Resolve(JobInput? input) => input is null ? null : input with { Path = Absolute(input.Path) };

        string Absolute(string path) => Path.GetFullPath(Path.Combine(folder, path));
    }

    public byte[] ToBytes() => CanonicalJson.Serialize(this, JobJson.Default.JobSpecification);

    /// <exception cref="QuantException">Not the JSON of a job this version can read.</exception>
    public static JobSpecification Parse(ReadOnlySpan<byte> bytes, string path)
    {
        try
        {
            JobSpecification job = JsonSerializer.Deserialize(bytes, JobJson.Default.JobSpecification)
                ?? throw new JsonException("it is null");
            return job.Format == CurrentFormat
                ? job
                : throw new QuantException(ExitCode.Usage, $"{path}: job format {job.Format}, this program reads format {CurrentFormat}. Use the version that made it ({job.Tool}), or start anew with 'quant run'.");
        }
        catch (JsonException e)
        {
            throw new QuantException(ExitCode.Usage, $"{path}: not a job's specification ({e.Message}). Start anew with 'quant run'.", e);
        }
    }
}
