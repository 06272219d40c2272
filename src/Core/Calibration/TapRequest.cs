namespace QuantCluster.Calibration;

/// <summary>A tensor to gather statistics of: a model input, or the output of any node of the main graph.</summary>
/// <param name="Tensor">Its name; it must hold float32 values.</param>
/// <param name="ChannelAxis">The axis whose slices get a minimum, maximum and sum of their own; −1 for none.</param>
/// <param name="Histogram">Whether values are also counted by bin; without, only the cheap figures are kept.</param>
public sealed record TapRequest(string Tensor, int ChannelAxis = -1, bool Histogram = true);
