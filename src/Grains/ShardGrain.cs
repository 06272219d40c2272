using Orleans.Placement;

namespace QuantCluster.Grains;

/// <inheritdoc cref="IShardGrain"/>
[ResourceOptimizedPlacement]
[CollectionAgeLimit(Minutes = 2)]
internal sealed class ShardGrain(JobRooms rooms, SiloWork work, RecentAnswers recent) : WorkGrain(rooms, work, recent), IShardGrain;
