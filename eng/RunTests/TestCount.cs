using System.Text.Json;

namespace QuantCluster.Engineering;

/// <summary>How a run's tests ended. Its text is the last line of <c>./test</c>, which other programs read.</summary>
internal readonly record struct TestCount(int Passed, int Failed, int Skipped)
{
    public static TestCount operator +(TestCount a, TestCount b) =>
        new(a.Passed + b.Passed, a.Failed + b.Failed, a.Skipped + b.Skipped);

    /// <summary>Reads the summary of a CTRF report, as xunit.v3 writes it.</summary>
    public static TestCount ReadReport(string path)
    {
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement summary = report.RootElement.GetProperty("results").GetProperty("summary");
        int Count(string name) => summary.GetProperty(name).GetInt32();
        return new TestCount(Count("passed"), Count("failed"), Count("skipped") + Count("pending") + Count("other"));
    }

    public override string ToString() => $"{Passed} passed, {Failed} failed, {Skipped} skipped";
}
