namespace QuantCluster.Grains;

/// <summary>
/// A block of a job's samples, on one silo (key: job, kind of item, block, lane). It keeps the data and the warm
/// sessions that its items share: one tapped pass for all layers, the trials judged on these samples. Candidates of a layer are
/// sent by the layer's grain (<see cref="ILayerGrain.ScoreAsync"/>), everything else by the engine. Where more cores
/// than blocks are free, a block has several lanes. Idle for a while, it goes and lets their memory go.
/// </summary>
[Alias("QuantCluster.IShardGrain")]
public interface IShardGrain : IWorkGrain;
