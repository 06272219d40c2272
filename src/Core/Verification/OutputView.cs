namespace QuantCluster.Verification;

/// <summary>What the numbers of an output mean; decides how distributions are compared.</summary>
public enum OutputKind
{
    /// <summary>Unnormalised values: logits, or any regression.</summary>
    Values,

    /// <summary>Probabilities over the last axis: the output of a Softmax.</summary>
    Probabilities,

    /// <summary>Logarithms of probabilities over the last axis: the output of a LogSoftmax.</summary>
    LogProbabilities,
}

/// <summary>One output of one run as float32, row-major; records that only pad a batch are cut off.</summary>
public readonly ref struct OutputView(string name, ReadOnlySpan<long> shape, ReadOnlySpan<float> values, OutputKind kind)
{
    public string Name { get; } = name;

    public ReadOnlySpan<long> Shape { get; } = shape;

    public ReadOnlySpan<float> Values { get; } = values;

    public OutputKind Kind { get; } = kind;

    /// <summary>Length of the last axis that is not 1: where classes are. 1 when there is none.</summary>
    public int Classes
    {
        get
        {
            for (int axis = Shape.Length - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1)
                    return (int)Shape[axis];
            }

            return 1;
        }
    }

    /// <summary>Number of rows of <see cref="Classes"/> values: one for each record, position or pixel.</summary>
    public int Positions => Values.Length / Math.Max(1, Classes);

    public ReadOnlySpan<float> Row(int position) => Values.Slice(position * Classes, Classes);
}

/// <summary>The same output of the float and of the quantized model for one sample.</summary>
/// <param name="reference">The float model's.</param>
/// <param name="quantized">The quantized model's, of the same shape.</param>
/// <param name="isPrimary">Whether it is the model's first float output, the one that decides.</param>
public readonly ref struct OutputPair(OutputView reference, OutputView quantized, bool isPrimary)
{
    public OutputView Reference { get; } = reference;

    public OutputView Quantized { get; } = quantized;

    public bool IsPrimary { get; } = isPrimary;
}
