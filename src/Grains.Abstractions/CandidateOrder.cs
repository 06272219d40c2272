namespace QuantCluster.Grains;

/// <summary>An item of a layer's candidate, and who was chosen to do it: whoever places it knows the load of all silos.</summary>
/// <param name="Work">The item.</param>
/// <param name="Lane">Key of the grain chosen for it.</param>
/// <param name="Silo">Address of the silo on which that grain is placed where it is not there yet; null for any.</param>
/// <param name="CheckEvery">How often that grain is asked whether it still holds the item.</param>
[GenerateSerializer, Immutable, Alias("QuantCluster.CandidateOrder")]
public sealed record CandidateOrder(
    [property: Id(0)] WorkOrder Work,
    [property: Id(1)] string Lane,
    [property: Id(2)] string? Silo,
    [property: Id(3)] TimeSpan CheckEvery);
