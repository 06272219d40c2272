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
            return new ModelDataset([.. feeds]);
        }
        catch
        {
            feeds.ForEach(f => f.Dispose());
            throw;
        }
    }

    private static string Describe(ValueSignature input) => $"{input.Name} ({input.Type.Name()} {RecordShape.Format(input.Shape)})";

    private static QuantException Bad(DatasetSpec spec, string what) => new(ExitCode.BadData, $"{spec.Source}: {what}.");
}
