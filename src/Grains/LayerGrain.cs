using Orleans.Placement;

namespace QuantCluster.Grains;

/// <inheritdoc cref="ILayerGrain"/>
[ResourceOptimizedPlacement]
[CollectionAgeLimit(Minutes = 2)]
internal sealed class LayerGrain(JobRooms rooms, SiloWork work) : WorkGrain(rooms, work), ILayerGrain;
