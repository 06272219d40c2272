namespace QuantCluster.Grains;

/// <summary>
/// Some layers of a job, on one silo (key: job, kind of item, layers, lane): what is done layer by layer from evidence
/// merged over all shards, such as ranges from statistics. It keeps that evidence from one item to the next.
/// </summary>
[Alias("QuantCluster.ILayerGrain")]
public interface ILayerGrain : IWorkGrain;
