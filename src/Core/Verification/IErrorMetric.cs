using System.Numerics.Tensors;

namespace QuantCluster.Verification;

/// <summary>
/// A distance between the outputs of two models, made of sums. The sums of a block of samples are a few doubles;
/// blocks are merged in block order, so the result's bits do not depend on who computed which block.
/// </summary>
public interface IErrorMetric
{
    /// <summary>The key in reports, e.g. <c>sqnr_db</c>.</summary>
    string Name { get; }

    /// <summary>What people call it, e.g. <c>SQNR</c>.</summary>
    string Title { get; }

    /// <summary>Unit of <see cref="Value"/>; empty for a plain number.</summary>
    string Unit { get; }

    /// <summary>How many doubles the metric sums.</summary>
    int Terms { get; }

    /// <summary>Adds one output of one sample to <paramref name="terms"/> (length <see cref="Terms"/>, zeros at first).</summary>
    void Add(OutputPair pair, Span<double> terms);

    /// <summary>Merges a later block's terms into <paramref name="total"/>.</summary>
    void Merge(ReadOnlySpan<double> block, Span<double> total) => TensorPrimitives.Add(total, block, total);

    /// <summary>The metric; null where it says nothing about these outputs.</summary>
    double? Value(ReadOnlySpan<double> terms);
}
