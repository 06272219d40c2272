using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace QuantCluster.Jobs;

/// <summary>A result as JSON that people and other programs read: snake_case, indented, equal results in equal bytes on every system.</summary>
internal static class ResultFile
{
    /// <summary>Names of tensors stay legible: these files are never put into a web page.</summary>
    public static JsonSerializerOptions Options => new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] ToBytes<T>(T result, JsonTypeInfo<T> type) => [.. JsonSerializer.SerializeToUtf8Bytes(result, type), (byte)'\n'];

    /// <param name="isKnown">Whether it is a result of this version.</param>
    /// <param name="otherwise">What to say of a file that is none.</param>
    /// <exception cref="QuantException">The file is missing, or is none of these.</exception>
    public static T Load<T>(string path, JsonTypeInfo<T> type, Func<T, bool> isKnown, string otherwise)
        where T : class
    {
        try
        {
            if (JsonSerializer.Deserialize(File.ReadAllText(path, Encoding.UTF8), type) is { } result && isKnown(result))
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

        throw new QuantException(ExitCode.BadData, $"{path}: {otherwise}");
    }
}
