namespace QuantCluster.Data.Sources;

/// <summary>A decoded image.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 grey, 3 RGB, 4 RGBA.</param>
/// <param name="Pixels">Rows from the top, channels of a pixel side by side.</param>
internal sealed record Image(int Height, int Width, int Channels, byte[] Pixels);
