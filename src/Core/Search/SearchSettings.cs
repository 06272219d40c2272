using QuantCluster.Corrections;

namespace QuantCluster.Search;

/// <summary>How much is tried.</summary>
public enum SearchEffort
{
    /// <summary>Nothing: ranges and corrections as they are chosen tensor by tensor.</summary>
    Fast,

    /// <summary>A minute or a few: the orders that usually win, then polish.</summary>
    Balanced,

    /// <summary>Every order, a random one and a beam, and polish until nothing is accepted.</summary>
    Thorough,
}

/// <summary>How the search goes.</summary>
public sealed record SearchSettings
{
    /// <summary>What the estimate may be wrong by is more than this, so there is no point in asking for less.</summary>
    public const double DefaultSlowdown = 0.02;

    /// <summary>The width of the beam that <see cref="SearchEffort.Thorough"/> has.</summary>
    private const int ThoroughBeam = 3;

    public SearchEffort Effort { get; init; } = SearchEffort.Balanced;

    /// <summary>A name of the objectives: auto, kl, sqnr, cosine or task.</summary>
    public string Objective { get; init; } = "auto";

    /// <summary>Trials at most; null for no limit. With the same number the result has the same bytes.</summary>
    public int? Trials { get; init; }

    /// <summary>Seconds of searching, about; null for no limit. How far it comes depends on the machine.</summary>
    public double? Seconds { get; init; }

    /// <summary>A move is accepted when its mean gain, paired over samples, exceeds this many of its standard errors.</summary>
    public double StandardErrors { get; init; } = 1;

    /// <summary>Names of the orders to go along; null for the effort's.</summary>
    public IReadOnlyList<string>? Orders { get; init; }

    /// <summary>Prefixes that a beam keeps side by side, beside the effort's orders; null for the effort's.</summary>
    public int? Beam { get; init; }

    /// <summary>Steps of a chain at most, null for the effort's: where there are more layers, several are quantized at a time.</summary>
    public int? Steps { get; init; }

    /// <summary>Samples that choose, and as many that judge, at most; 0 chooses by the model's size.</summary>
    public int Samples { get; init; }

    /// <summary>
    /// How much slower than the model with every layer on integers the result may be, by estimate: 0.02 is 2 %.
    /// </summary>
    public double Slowdown { get; init; } = DefaultSlowdown;

    /// <summary>The share of the layers' parameters that may go back to float: 0.1 is 10 %.</summary>
    public double Growth { get; init; } = 0.1;

    /// <summary>Corrections that layers may be given.</summary>
    public LayerCorrection Corrections { get; init; } = LayerCorrection.Rounding | LayerCorrection.Bias;

    internal IReadOnlyList<string> OrderNames => Orders ?? (Effort == SearchEffort.Thorough
        ? [.. Search.Orders.LayerOrders.All.Select(o => o.Name), "random-1", $"{Search.Orders.Beam.Prefix}{Beam ?? ThoroughBeam}"]
        : ["sensitivity-ascending", "topological", "reverse", .. Beam is { } width ? new[] { $"{Search.Orders.Beam.Prefix}{width}" } : []]);

    internal int MostSteps => Steps ?? (Effort == SearchEffort.Thorough ? 64 : 32);

    /// <summary>Whether the steps of chains try neighbours of ranges too, as polish does.</summary>
    internal bool WalksNeighbours => Effort == SearchEffort.Thorough;

    /// <summary>Rounds of polish at most.</summary>
    internal int Rounds => Effort == SearchEffort.Thorough ? 4 : 1;

    /// <summary>Trials at most where neither number nor time is limited.</summary>
    internal int MostTrials => Trials ?? (Effort == SearchEffort.Thorough || Seconds is not null ? int.MaxValue : 400);
}
