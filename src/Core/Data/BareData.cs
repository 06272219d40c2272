using QuantCluster.Data.Sources;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>Data given without a spec: what they feed and how is told from the model, and said.</summary>
internal static class BareData
{
    public static DatasetSpec Describe(string path, IReadOnlyList<ValueSignature> modelInputs, out string assumption)
    {
        string full = Path.GetFullPath(path);
        if (!File.Exists(full) && !Directory.Exists(full))
            throw new QuantException(ExitCode.BadData, $"{path}: no such file or folder.");
        bool named = full.EndsWith(".npz", StringComparison.OrdinalIgnoreCase), numbered = TensorProtoReader.HoldsTestSets(full);
        if (modelInputs.Count != 1 && !named && !numbered)
        {
            throw new QuantException(
                ExitCode.BadData,
                $"{path}: the model has {modelInputs.Count} inputs ({string.Join(", ", modelInputs.Select(i => i.Name))}); write a spec: {{\"inputs\": {{{string.Join(", ", modelInputs.Select(i => $"\"{i.Name}\": {{\"file\": \"...\"}}"))}}}}}.");
        }

        Dictionary<string, InputSpec> inputs = new(StringComparer.Ordinal);
        List<string> said = [];
        for (int i = 0; i < modelInputs.Count; i++)
        {
            InputSpec input = new() { File = full, Key = numbered ? $"input_{i}" : named && modelInputs.Count > 1 ? modelInputs[i].Name : null };
            (input, string how) = Complete(input, modelInputs[i]);
            inputs.Add(modelInputs[i].Name, input);
            said.Add($"{modelInputs[i].Name}: {how}");
        }

        assumption = $"{path}: no spec, so it is assumed: {string.Join("; ", said)}. If that is wrong, write a spec.";
        return new DatasetSpec { Source = path, Inputs = inputs };
    }

    private static (InputSpec Input, string How) Complete(InputSpec input, ValueSignature model)
    {
        using IRecordSource source = DatasetReaders.Open(input, model);
        string how = $"{source.Type.Name()} values as they are";
        if (source.Type == ElementType.UInt8 && model.Type.IsFloating())
        {
            input = input with { Divide = 255 };
            how = "bytes divided by 255, no mean, no std";
        }

        bool image = source.Layout is not null;
        if (!image && source.Shape is { Length: 3 } shape && model.Shape.Length == 4
            && !RecordShape.Fits(shape, model.Shape[1..]) && RecordShape.Fits([shape[2], shape[0], shape[1]], model.Shape[1..]))
        {
            input = input with { Layout = ImageLayout.NHWC };
            how += ", layout NHWC";
            image = true;
        }

        return (input, image ? how + ", channels RGB" : how);
    }
}
