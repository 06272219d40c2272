using QuantCluster.Inference;

namespace QuantCluster.Data.Sources;

/// <summary>How a stored array's dimensions fall into records, and how records fit a model's input.</summary>
internal static class RecordShape
{
    /// <summary>
    /// An array with as many dimensions as the model's input, or one more, holds records along its first;
    /// one with a dimension less is a single record.
    /// </summary>
    /// <exception cref="QuantException">The array has another number of dimensions.</exception>
    public static (long Count, long[] Shape) Split(ReadOnlySpan<long> array, ValueSignature model, string file)
    {
        int rank = model.Shape.Length;
        if (array.Length == rank - 1 || (array.Length == 0 && rank == 0))
            return (1, array.ToArray());
        if (array.Length > 0 && (rank == 0 || array.Length == rank || array.Length == rank + 1))
            return (array[0], array[1..].ToArray());
        throw new QuantException(
            ExitCode.BadData,
            $"{file}: shape {Format(array)} has {array.Length} dimensions, but the model's input {model.Name} {Format(model.Shape)} needs {rank} (the first one counts records).");
    }

    /// <summary>Elements of a shape, refusing negative dimensions and products that no memory can hold.</summary>
    public static long ElementCount(ReadOnlySpan<long> shape, string file)
    {
        UInt128 count = 1;
        bool empty = false;
        foreach (long dimension in shape)
        {
            if (dimension < 0)
                throw new QuantException(ExitCode.BadData, $"{file}: shape [{string.Join(", ", shape.ToArray())}] has a negative dimension.");
            empty |= dimension == 0;
            count *= (UInt128)Math.Max(dimension, 1);
            if (count > long.MaxValue / 16)
                throw new QuantException(ExitCode.BadData, $"{file}: shape {Format(shape)} is absurd; the file is damaged.");
        }

        return empty ? 0 : (long)count;
    }

    /// <summary>Whether known dimensions agree; −1 in <paramref name="model"/> agrees with anything.</summary>
    public static bool Fits(ReadOnlySpan<long> record, ReadOnlySpan<long> model)
    {
        if (record.Length != model.Length)
            return false;
        for (int i = 0; i < record.Length; i++)
        {
            if (model[i] >= 0 && model[i] != record[i])
                return false;
        }

        return true;
    }

    /// <summary>As <c>[1, 3, ?, ?]</c>.</summary>
    public static string Format(ReadOnlySpan<long> shape)
    {
        List<string> parts = [];
        foreach (long dimension in shape)
            parts.Add(dimension < 0 ? "?" : dimension.ToString());
        return $"[{string.Join(", ", parts)}]";
    }
}
