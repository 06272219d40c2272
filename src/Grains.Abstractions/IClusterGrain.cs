namespace QuantCluster.Grains;

/// <summary>Who is there (key: 0). Silos tell, engines and <c>quant cluster</c> ask; it keeps nothing that is not soon told again.</summary>
[Alias("QuantCluster.IClusterGrain")]
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>A silo says how it is.</summary>
    [Alias("Report"), ResponseTimeout("00:00:10")]
    Task ReportAsync(SiloReport report);

    /// <summary>The silos that take work now, by name.</summary>
    [Alias("GetSilos"), ResponseTimeout("00:00:10")]
    Task<SiloReport[]> GetSilosAsync();
}
