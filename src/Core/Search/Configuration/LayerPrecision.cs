namespace QuantCluster.Search.Configuration;

/// <summary>The numbers a layer computes in, and those its weight is stored in.</summary>
public enum LayerPrecision
{
    /// <summary>Computes in float; the weight is float.</summary>
    Float,

    /// <summary>Computes in float; the weight is stored as INT8 (<see cref="Emission.StoredWeight"/>).</summary>
    WeightOnly,

    /// <summary>Computes on integers; the weight is INT8.</summary>
    Int8,

    /// <summary>Computes on integers as with INT8; the weight is stored as INT4.</summary>
    Int4Weights,
}
