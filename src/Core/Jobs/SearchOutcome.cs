using System.Text.Json;
using QuantCluster.Emission;
using QuantCluster.Jobs.Stages;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Jobs;

/// <summary>A point of the search, as it is kept and told.</summary>
/// <param name="Origin">What came upon it (<see cref="SearchPoint.Origin"/>).</param>
/// <param name="Quantized">Layers on integers.</param>
/// <param name="Configuration">Hash of what was chosen.</param>
/// <param name="Trial">Blob of the trial.</param>
/// <param name="Time">Microseconds by estimate.</param>
/// <param name="SearchErrors">One a search sample.</param>
/// <param name="ValidationErrors">One a validation sample; null where it was not judged.</param>
public sealed record SearchPointOutcome(
    string Origin, int Quantized, string Configuration, string Trial, double Time, IReadOnlyList<double> SearchErrors, IReadOnlyList<double>? ValidationErrors)
{
    /// <summary>Bytes of its model by estimate; 0 where no size was asked for.</summary>
    public long Bytes { get; init; }
}

/// <summary>What a layer became.</summary>
/// <param name="Precision">As <see cref="LayerChoice.Told"/> tells it.</param>
public sealed record SearchedLayer(string Id, string Node, string Precision, string Corrections);

/// <summary>What the search did and chose, as it is kept with the job.</summary>
public sealed record SearchOutcome
{
    /// <summary>Where it is kept in the job's folder.</summary>
    public const string FileName = "search.json";

    public required string Effort { get; init; }

    public required string Objective { get; init; }

    /// <summary>Distinct trials.</summary>
    public required int Trials { get; init; }

    /// <summary>Whether it came to its own end, rather than to its budget's.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Whether someone stopped it: taken up again, it goes on.</summary>
    public bool IsStopped { get; init; }

    /// <summary>Samples that chose, and samples that judged.</summary>
    public required int SearchSamples { get; init; }

    public required int ValidationSamples { get; init; }

    /// <summary>Where it began: what <c>--effort fast</c> gives.</summary>
    public required SearchPointOutcome Start { get; init; }

    public required SearchPointOutcome Winner { get; init; }

    /// <summary>Whether the winner's gain over the start, and of what size, paired over validation samples.</summary>
    public required double Gain { get; init; }

    public required double GainStandardError { get; init; }

    public required IReadOnlyList<SearchCurve> Curves { get; init; }

    /// <summary>Every point, start and winner included.</summary>
    public required IReadOnlyList<SearchPointOutcome> Points { get; init; }

    /// <summary>The precision of layers that nothing else was chosen for, as <see cref="SearchedLayer.Precision"/>.</summary>
    public required string Standard { get; init; }

    /// <summary>What each layer became.</summary>
    public required IReadOnlyList<SearchedLayer> Layers { get; init; }

    /// <summary>Tensors that did not take the default range, and which one they took.</summary>
    public required IReadOnlyDictionary<string, string> Ranges { get; init; }

    /// <summary>With the layers as they are in the model that was emitted: what comes after a search may still change them.</summary>
    internal SearchOutcome As(QuantizationPlan plan, QuantizationConfiguration configuration, WeightGranularity usual) => this with
    {
        Layers =
        [
            .. Layers.Select(l => (Layer: l, Choice: LayerChoice.Of(plan, configuration, l.Id)))
                .Select(l => l.Layer with { Precision = l.Choice.Told(usual), Corrections = l.Choice.IsInteger ? l.Layer.Corrections : "none" }),
        ],
    };
}

/// <summary>Reads a job's <see cref="SearchOutcome"/>.</summary>
public static class SearchOutcomeFile
{
    /// <exception cref="QuantException">The job has made no search, or another version's.</exception>
    public static SearchOutcome Load(string job)
    {
        string path = Path.Combine(job, SearchOutcome.FileName);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), StageJson.Default.SearchOutcome) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new QuantException(ExitCode.Usage, $"{path}: holds no search of this version ({e.Message}). Make one with 'quant run ... --effort balanced --job {job}'.", e);
        }
    }
}
