using QuantCluster.Data.Sources;
using QuantCluster.Inference;

namespace QuantCluster.Data;

/// <summary>Opening the data that a model is calibrated with or judged on.</summary>
public static class Datasets
{
    /// <summary>Opens a spec's data for a model: names, types, shapes and counts are checked, nothing is read in whole.</summary>
    /// <exception cref="QuantException">The data do not fit the model.</exception>
    public static IDataset Open(DatasetSpec spec, IReadOnlyList<ValueSignature> modelInputs)
    {
        if (modelInputs.FirstOrDefault(m => !spec.Inputs.ContainsKey(m.Name)) is { } missing)
            throw Bad(spec, $"the model's input {Describe(missing)} is missing; the spec gives {string.Join(", ", spec.Inputs.Keys)}");
        if (spec.Inputs.Keys.FirstOrDefault(name => modelInputs.All(m => m.Name != name)) is { } extra)
            throw Bad(spec, $"the model has no input {extra}; its inputs are {string.Join(", ", modelInputs.Select(Describe))}");

        List<InputFeed> feeds = [];
        try
        {
            foreach (ValueSignature model in modelInputs)
                feeds.Add(InputFeed.Bind(model, spec.Inputs[model.Name]));
            ModelDataset data = new([.. feeds]);
            if (spec.Labels is { } labels)
                RequireCount(Labels.Load(labels), labels, data);
            return data;
        }
        catch
        {
            feeds.ForEach(f => f.Dispose());
            throw;
        }
    }

    /// <summary>Reads all data once, unless their kind makes bad values impossible.</summary>
    /// <exception cref="QuantException">A sample cannot be read, or holds NaN or an infinity: which sample, which index.</exception>
    public static void Validate(IDataset data, CancellationToken cancellationToken = default)
    {
        if (data is not ModelDataset { CannotFail: true })
            DataValidation.RequireFinite(data, cancellationToken);
    }

    /// <summary>
    /// Invented samples, the same for the same seed: about normal floats, integers 0 and 1. Unknown dimensions become
    /// 16 (sides of pictures 64), an unknown batch 1. Marked by <see cref="IDataset.IsSynthetic"/>.
    /// </summary>
    public static IDataset Synthetic(IReadOnlyList<ValueSignature> modelInputs, int count, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new SyntheticDataset(modelInputs, count, seed);
    }

    private static void RequireCount(Labels labels, string path, ModelDataset data)
    {
        if (labels.Count != data.RecordCount)
            throw new QuantException(ExitCode.BadData, $"{path}: {labels.Count} labels for {data.RecordCount} records; every record needs one.");
    }

    private static string Describe(ValueSignature input) => $"{input.Name} ({input.Type.Name()} {RecordShape.Format(input.Shape)})";

    private static QuantException Bad(DatasetSpec spec, string what) => new(ExitCode.BadData, $"{spec.Source}: {what}.");
}
