using System.Text.Json;

namespace QuantCluster.Data;

/// <summary>Reads the JSON of a <see cref="DatasetSpec"/>; what it does not know it refuses, so that a typo is not silently ignored.</summary>
internal sealed class DatasetSpecReader
{
    private static readonly JsonDocumentOptions Options = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        AllowDuplicateProperties = false,
    };

    private readonly string _path;
    private readonly string _directory;

    private DatasetSpecReader(string path)
    {
        _path = path;
        _directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
    }

    public static DatasetSpec Read(string path)
    {
        byte[] bytes = DataFile.ReadAll(path, maximum: 64 << 20);
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes, Options);
            return new DatasetSpecReader(path).Spec(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new QuantException(ExitCode.BadData, $"{path}: not a dataset spec: {e.Place()}.", e);
        }
    }

    private DatasetSpec Spec(JsonElement root)
    {
        Dictionary<string, InputSpec> inputs = new(StringComparer.Ordinal);
        string? model = null, labels = null, metric = null, dictionary = null;
        foreach (JsonProperty property in Properties(root, "the spec"))
        {
            switch (property.Name)
            {
                case "model":
                    model = File(property.Value, "model");
                    break;
                case "labels":
                    labels = File(property.Value, "labels");
                    break;
                case "dictionary":
                    dictionary = File(property.Value, "dictionary");
                    break;
                case "metric":
                    metric = Text(property.Value, "metric");
                    break;
                case "inputs":
                    foreach (JsonProperty input in Properties(property.Value, "inputs"))
                        inputs.Add(input.Name, Input(input.Value, $"inputs.{input.Name}"));
                    break;
                default:
                    throw Unknown("the spec", property.Name, "model, inputs, labels, metric, dictionary");
            }
        }

        if (inputs.Count == 0)
            throw Bad("the spec names no inputs; give {\"inputs\": {\"<model input>\": {\"file\": \"...\"}}}");
        return new DatasetSpec { Source = _path, Model = model, Inputs = inputs, Labels = labels, Metric = metric, Dictionary = dictionary };
    }

    private InputSpec Input(JsonElement element, string where)
    {
        InputSpec spec = new() { File = "" };
        foreach (JsonProperty property in Properties(element, where))
        {
            JsonElement value = property.Value;
            string at = $"{where}.{property.Name}";
            spec = property.Name switch
            {
                "file" => spec with { File = File(value, at) },
                "key" => spec with { Key = Text(value, at) },
                "layout" => spec with { Layout = Choice<ImageLayout>(value, at) },
                "channels" => spec with { Channels = Choice<ChannelOrder>(value, at) },
                "divide" => spec with { Divide = NotZero(Number(value, at), at) },
                "mean" => spec with { Mean = Numbers(value, at) },
                "std" => spec with { Std = [.. Numbers(value, at).Select(v => NotZero(v, at))] },
                "dtype" => spec with { Type = ElementTypeNames.Parse(Text(value, at)) ?? throw Bad($"{at}: {Text(value, at)} is not a type read here; use one of {ElementTypeNames.All}") },
                "shape" => spec with { Shape = [.. List(value, at).Select(v => (long)Whole(v, at, 0))] },
                "pad_to" => spec with { PadTo = Whole(value, at, 1) },
                "pad_value" => spec with { PadValue = value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long pad) ? pad : throw Bad($"{at} must be a whole number") },
                "resize" => spec with { Resize = Whole(value, at, 1) },
                "size" => spec with { Size = Size(value, at) },
                _ => throw Unknown(where, property.Name, "file, key, layout, channels, divide, mean, std, dtype, shape, pad_to, pad_value, resize, size"),
            };
        }

        return spec.File.Length > 0 ? spec : throw Bad($"{where} names no file");
    }

    private (int Height, int Width) Size(JsonElement value, string where)
    {
        if (value.ValueKind == JsonValueKind.Number)
            return (Whole(value, where, 1), Whole(value, where, 1));
        int[] sides = [.. List(value, where).Select(v => Whole(v, where, 1))];
        return sides.Length == 2 ? (sides[0], sides[1]) : throw Bad($"{where} must be [height, width] or one number");
    }

    private IEnumerable<JsonProperty> Properties(JsonElement element, string where) => element.ValueKind == JsonValueKind.Object
        ? element.EnumerateObject()
        : throw Bad($"{where} must be a JSON object");

    private IEnumerable<JsonElement> List(JsonElement element, string where) => element.ValueKind == JsonValueKind.Array
        ? element.EnumerateArray()
        : throw Bad($"{where} must be a JSON list");

    private float[] Numbers(JsonElement element, string where) => element.ValueKind == JsonValueKind.Array
        ? [.. element.EnumerateArray().Select(v => Number(v, where))]
        : [Number(element, where)];

    private float Number(JsonElement element, string where) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetSingle(out float value) && float.IsFinite(value)
            ? value
            : throw Bad($"{where} must be a finite number");

    private float NotZero(float value, string where) => value != 0 ? value : throw Bad($"{where} must not be 0");

    private int Whole(JsonElement element, string where, int minimum) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) && value >= minimum
            ? value
            : throw Bad($"{where} must be a whole number, at least {minimum}");

    private string Text(JsonElement element, string where) => element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } text
        ? text
        : throw Bad($"{where} must be a text");

    private string File(JsonElement element, string where)
    {
        string text = Text(element, where);
        return text.Contains('\0') ? throw Bad($"{where} is not a path") : Path.GetFullPath(Path.Combine(_directory, text));
    }

    private T Choice<T>(JsonElement element, string where)
        where T : struct, Enum
    {
        string text = Text(element, where);
        return Enum.GetNames<T>().Contains(text)
            ? Enum.Parse<T>(text)
            : throw Bad($"{where} is \"{text}\"; it must be {string.Join(" or ", Enum.GetNames<T>())}");
    }

    private QuantException Unknown(string where, string name, string known) => Bad($"{where} has \"{name}\", which is not understood; known are: {known}");

    private QuantException Bad(string what) => new(ExitCode.BadData, $"{_path}: {what}.");
}
