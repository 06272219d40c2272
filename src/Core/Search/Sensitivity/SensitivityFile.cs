using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantCluster.Jobs;

namespace QuantCluster.Search.Sensitivity;

/// <summary>A <see cref="SensitivityResult"/> as JSON that people and other programs read. Equal results, equal bytes.</summary>
public static class SensitivityFile
{
    public static byte[] ToBytes(SensitivityResult result) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(result, Json.SensitivityResult), (byte)'\n'];

    /// <summary>Writes the file whole or not at all.</summary>
    /// <exception cref="QuantException">It cannot be written.</exception>
    public static void Save(SensitivityResult result, string path) => AtomicFile.Write(path, ToBytes(result));

    /// <exception cref="QuantException">The file is missing, or is none of these.</exception>
    public static SensitivityResult Load(string path)
    {
        try
        {
            SensitivityResult? result = JsonSerializer.Deserialize(File.ReadAllText(path, Encoding.UTF8), Json.SensitivityResult);
            if (result?.Format == SensitivityResult.CurrentFormat)
                return result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.BadData, $"{path}: cannot be read: {e.Message}", e);
        }
        catch (JsonException)
        {
            // Said below, like JSON of another kind.
        }

        throw new QuantException(ExitCode.BadData, $"{path}: not a sensitivity file ({SensitivityResult.CurrentFormat}). 'quant sensitivity --out' writes one.");
    }

    // Names of tensors stay legible: the file is never put into a web page.
    private static SensitivityJson Json { get; } = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

[JsonSerializable(typeof(SensitivityResult))]
internal sealed partial class SensitivityJson : JsonSerializerContext;
