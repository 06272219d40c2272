using QuantCluster.Verification.Metrics;

namespace QuantCluster.Verification;

/// <summary>Every error metric, in the order reports show them.</summary>
public static class ErrorMetrics
{
    public static IReadOnlyList<IErrorMetric> All { get; } =
    [
        new Sqnr(),
        new CosineSimilarity(),
        new KullbackLeibler(),
        new TopOneAgreement(),
        new MaximumAbsoluteError(),
    ];

    /// <exception cref="QuantException">There is no such metric.</exception>
    public static IErrorMetric Get(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new QuantException(ExitCode.Usage, $"unknown error metric '{name}'; there are {string.Join(", ", All.Select(m => m.Name))}.");
}
