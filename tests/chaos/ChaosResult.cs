using System.Globalization;

namespace QuantCluster.Tests.Chaos;

/// <summary>What came of a time of faults.</summary>
/// <param name="Faults">How often each was injected.</param>
/// <param name="Jobs">Jobs that ended.</param>
/// <param name="Unlike">Jobs whose bytes are not those of an undisturbed run.</param>
/// <param name="Lost">Items of the undisturbed runs that no journal has.</param>
/// <param name="Repeated">Items that a journal has twice without its result having been damaged.</param>
/// <param name="Seconds">How long it went on.</param>
internal sealed record ChaosResult(IReadOnlyDictionary<string, int> Faults, int Jobs, int Unlike, int Lost, int Repeated, double Seconds)
{
    public bool IsGood => Jobs > 0 && Unlike == 0 && Lost == 0 && Repeated == 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"""
        faults injected: {Faults.Values.Sum()} in {Seconds:0} s ({string.Join(", ", Faults.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Value} {f.Key}"))})
        jobs finished: {Jobs}; with other bytes than undisturbed: {Unlike}
        items lost: {Lost}; items journalled twice: {Repeated}
        """);
}
