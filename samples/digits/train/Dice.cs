namespace QuantCluster.Samples.Digits;

/// <summary>SplitMix64: a small random generator whose numbers never change with the .NET version.</summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    public int Below(int bound) => (int)(Next() % (ulong)bound);

    public float Between(float low, float high) => low + ((high - low) * (float)((Next() >> 40) / (double)(1 << 24)));

    /// <summary>About normal: mean 0, deviation 1.</summary>
    public float Bell()
    {
        float sum = 0;
        for (int i = 0; i < 6; i++)
            sum += Between(-1, 1);
        return sum / 1.41421356f;
    }

    private ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
