namespace QuantCluster.Search.Objectives;

/// <summary>The objectives there are.</summary>
internal static class SearchObjectives
{
    /// <summary>All, the default first.</summary>
    public static IReadOnlyList<IObjective> All { get; } = [new Auto(), new Divergence(), new Sqnr(), new Cosine(), new TaskLoss()];

    /// <exception cref="QuantException">There is none of that name.</exception>
    public static IObjective Get(string name) => All.FirstOrDefault(o => o.Name == name)
        ?? throw new QuantException(ExitCode.Usage, $"no objective '{name}'. There are: {string.Join(", ", All.Select(o => o.Name))}.");
}
