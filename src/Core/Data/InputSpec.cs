using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>Order of an image's dimensions; N is the record.</summary>
public enum ImageLayout
{
    NCHW,
    NHWC,
}

/// <summary>Order of the colour channels the model expects. Stored data are RGB.</summary>
public enum ChannelOrder
{
    RGB,

    /// <summary>The stored channels are reversed before mean and std apply.</summary>
    BGR,
}

/// <summary>Where one model input's values come from, and what is done to them on the way.</summary>
public sealed record InputSpec
{
    /// <summary>Absolute path of a file or folder.</summary>
    public required string File { get; init; }

    /// <summary>Which array of an <c>.npz</c> (its name there, without <c>.npy</c>); null for the input's own name, or the only one.</summary>
    public string? Key { get; init; }

    /// <summary>Order of the stored dimensions; null where they are the model's own.</summary>
    public ImageLayout? Layout { get; init; }

    /// <summary>What the model expects; null or RGB leaves the stored order.</summary>
    public ChannelOrder? Channels { get; init; }

    /// <summary>Stored values are divided by this first; finite, not zero.</summary>
    public float Divide { get; init; } = 1;

    /// <summary>Subtracted after the division: none, one for all, or one for each channel in the model's order.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [];

    /// <summary>Divided by at last: none, one for all, or one for each channel in the model's order; finite, not zero.</summary>
    public IReadOnlyList<float> Std { get; init; } = [];

    /// <summary>Element type of a raw <c>.bin</c>.</summary>
    public ElementType? Type { get; init; }

    /// <summary>Shape of one record of a raw <c>.bin</c>, without the batch dimension.</summary>
    public IReadOnlyList<long>? Shape { get; init; }

    /// <summary>Length that token lists are padded to.</summary>
    public int? PadTo { get; init; }

    /// <summary>The token that fills a list up to <see cref="PadTo"/>.</summary>
    public long PadValue { get; init; }

    /// <summary>Pixels of an image's shorter side after scaling, before <see cref="Size"/> cuts its centre.</summary>
    public int? Resize { get; init; }

    /// <summary>Height and width an image is given: cut from its centre after <see cref="Resize"/>, else scaled to.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>Whether values are changed by division, mean or std.</summary>
    public bool Scales => Divide != 1 || Mean.Any(m => m != 0) || Std.Any(s => s != 1);
}
