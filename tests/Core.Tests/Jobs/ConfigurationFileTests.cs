using QuantCluster.Emission;
using QuantCluster.Jobs.Stages;
using QuantCluster.Numerics;

namespace QuantCluster.Tests.Jobs;

public class ConfigurationFileTests
{
    [Fact]
    public void A_configuration_comes_back_as_it_was_and_equal_ones_have_equal_bytes()
    {
        AffineMapping mapping = new(0.1f, 3, IntegerType.UInt8);
        QuantizedWeight weight = new(IntegerType.Int8, 1, [0.5f, float.Epsilon], [-127, 0, 127, 5]);
        QuantizationConfiguration one = new(
            new Dictionary<string, AffineMapping> { ["b"] = mapping, ["a"] = mapping },
            new Dictionary<string, QuantizedWeight> { ["w"] = weight },
            new Dictionary<string, float[]> { ["w"] = [1, float.NegativeZero] })
        {
            WeightOnly = new Dictionary<string, QuantizedWeight> { ["v"] = weight },
        };
        QuantizationConfiguration other = one with { Activations = new Dictionary<string, AffineMapping> { ["a"] = mapping, ["b"] = mapping } };

        byte[] bytes = ConfigurationFile.ToBytes(one);
        Assert.Equal(bytes, ConfigurationFile.ToBytes(other));
        QuantizationConfiguration back = ConfigurationFile.Parse(bytes);
        Assert.Equal(one.Hash(), back.Hash());
        Assert.Equal(mapping, back.Activations["b"]);
        Assert.Equal(weight.Values, back.Weights["w"].Values);
        Assert.Equal(weight.Scales, back.WeightOnly["v"].Scales);
        Assert.NotEqual(one.Hash(), (one with { WeightOnly = new Dictionary<string, QuantizedWeight>() }).Hash());
    }

    [Fact]
    public void Other_bytes_are_refused() =>
        Assert.Throws<InvalidDataException>(() => ConfigurationFile.Parse([3, (byte)'a', (byte)'b', (byte)'c']));
}
