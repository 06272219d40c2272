namespace QuantCluster.Grains;

/// <summary>Who is there (key: any). What engines and <c>quant cluster</c> ask.</summary>
[Alias("QuantCluster.IClusterGrain")]
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>The silos that take work now, by name.</summary>
    [Alias("GetSilos"), ResponseTimeout("00:00:10")]
    Task<SiloDescription[]> GetSilosAsync();
}

/// <summary>A silo that takes work.</summary>
/// <param name="Name">Its name: a host or a pod.</param>
/// <param name="Address">Where its grains are.</param>
/// <param name="Cores">Items it does at a time.</param>
/// <param name="Processor">Use of the machine's cores, 0 to 1; of its container, where there is a limit.</param>
/// <param name="Memory">Bytes in use.</param>
/// <param name="Grains">Grains on it.</param>
[GenerateSerializer, Immutable, Alias("QuantCluster.SiloDescription")]
public sealed record SiloDescription(
    [property: Id(0)] string Name,
    [property: Id(1)] string Address,
    [property: Id(2)] int Cores,
    [property: Id(3)] double Processor,
    [property: Id(4)] long Memory,
    [property: Id(5)] int Grains);
