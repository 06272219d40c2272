namespace QuantCluster.Calibration;

/// <summary>Figures of each slice of a tensor along one axis. NaN and infinities are left out of all of them.</summary>
/// <param name="Axis">The axis, from 0.</param>
/// <param name="Minimum">Least value of each channel; 0 where it had none.</param>
/// <param name="Maximum">Greatest value of each channel; 0 where it had none.</param>
/// <param name="Sums">Sum of each channel in float64: within a block in sample order, blocks added in block order.</param>
/// <param name="CountPerChannel">Finite values of each channel.</param>
public sealed record ChannelStatistics(int Axis, float[] Minimum, float[] Maximum, double[] Sums, long[] CountPerChannel)
{
    public int Channels => Minimum.Length;

    /// <summary>The mean of one channel; 0 where it had no value.</summary>
    public double Mean(int channel) => CountPerChannel[channel] == 0 ? 0 : Sums[channel] / CountPerChannel[channel];

    /// <summary>Adds the statistics of a later block.</summary>
    internal static ChannelStatistics Merge(string tensor, ChannelStatistics earlier, ChannelStatistics later)
    {
        if (earlier.Axis != later.Axis || earlier.Channels != later.Channels)
        {
            throw new QuantException(
                ExitCode.BadData,
                $"tensor {tensor}: {earlier.Channels} channels on axis {earlier.Axis} in one block and {later.Channels} on axis {later.Axis} in another; per-channel statistics need a fixed size.");
        }

        int channels = earlier.Channels;
        ChannelStatistics merged = new(earlier.Axis, new float[channels], new float[channels], new double[channels], new long[channels]);
        for (int c = 0; c < channels; c++)
        {
            bool first = earlier.CountPerChannel[c] > 0, second = later.CountPerChannel[c] > 0;
            merged.Minimum[c] = !second ? earlier.Minimum[c] : !first ? later.Minimum[c] : Math.Min(earlier.Minimum[c], later.Minimum[c]);
            merged.Maximum[c] = !second ? earlier.Maximum[c] : !first ? later.Maximum[c] : Math.Max(earlier.Maximum[c], later.Maximum[c]);
            merged.Sums[c] = earlier.Sums[c] + later.Sums[c];
            merged.CountPerChannel[c] = earlier.CountPerChannel[c] + later.CountPerChannel[c];
        }

        return merged;
    }
}
