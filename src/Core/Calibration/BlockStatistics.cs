namespace QuantCluster.Calibration;

/// <summary>What one block of samples contributes to a calibration pass; any worker may make it.</summary>
/// <param name="FirstSample">Index of the block's first sample: merging goes in this order.</param>
/// <param name="SampleCount">Samples in the block.</param>
/// <param name="Statistics">Statistics of the block's samples alone.</param>
public sealed record BlockStatistics(int FirstSample, int SampleCount, CalibrationStatistics Statistics);
