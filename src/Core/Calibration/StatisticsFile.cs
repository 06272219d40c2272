using System.Buffers.Text;
using System.Text.Json;

namespace QuantCluster.Calibration;

/// <summary>
/// The statistics file, UTF-8 JSON:
/// <code>
/// { "format": "quantcluster.statistics/1", "samples": 48, "tensors": [
///   { "name": "conv1_relu", "count": 602112, "minimum": 0, "maximum": 5.9375, "nans": 0, "infinities": 0,
///     "histogram": [[0, 301201], [15000, 1, 4, 2], …],
///     "channels": { "axis": 1, "minimum": […], "maximum": […], "sums": […], "counts": […] } } ] }
/// </code>
/// A run <c>[k, c0, c1, …]</c> says that c0 values have k in the upper 16 bits of their float32, c1 values k + 1,
/// and so on; runs ascend. <c>channels</c> is there only for tensors gathered by channel.
/// </summary>
internal static class StatisticsFile
{
    public const string Format = "quantcluster.statistics/1";

    // Nowhere else in the file: what is in a string has no bare quotes.
    private static ReadOnlySpan<byte> TensorStart => "{\"name\":\""u8;

    public static void Save(CalibrationStatistics statistics, string path)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream stream = File.Create(temporary))
            {
                Write(statistics, stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new QuantException(ExitCode.CannotWrite, $"{path}: cannot be written ({e.Message})", e);
        }
    }

    public static CalibrationStatistics Load(string path)
    {
        try
        {
            return Read(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new QuantException(ExitCode.BadData, $"{path}: no such file. Make one with 'quant calibrate MODEL --data SPEC --out {path}'.", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or InvalidDataException)
        {
            throw new QuantException(ExitCode.BadData, $"{path}: not a statistics file, or damaged. Make it anew with 'quant calibrate'.", e);
        }
    }

    public static void Write(CalibrationStatistics statistics, Stream stream)
    {
        using Utf8JsonWriter json = new(stream);
        json.WriteStartObject();
        json.WriteString("format", Format);
        json.WriteNumber("samples", statistics.Samples);
        json.WriteStartArray("tensors");
        foreach (TensorStatistics tensor in statistics.Tensors.Values)
        {
            WriteTensor(json, tensor);
            json.Flush();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <inheritdoc cref="StatisticsReader.Read"/>
    public static CalibrationStatistics Read(ReadOnlySpan<byte> file) => new StatisticsReader(file).Read();

    /// <summary>Some of a file's tensors; the others are not parsed, only passed over.</summary>
    /// <param name="file">As <see cref="Write"/> makes it.</param>
    /// <param name="tensors">Which, in the file's order.</param>
    /// <exception cref="InvalidDataException">The file has fewer.</exception>
    public static CalibrationStatistics Read(ReadOnlySpan<byte> file, Range tensors)
    {
        if (tensors.Equals(Range.All))
            return Read(file);
        List<TensorStatistics> read = [];
        int at = file.IndexOf(TensorStart);
        for (int tensor = 0; tensor < tensors.End.Value; tensor++)
        {
            if (at < 0)
                throw new InvalidDataException($"it has {tensor} tensors, not {tensors.End.Value}");
            if (tensor >= tensors.Start.Value)
                read.Add(new StatisticsReader(file[at..]).ReadTensor());
            int next = file[(at + 1)..].IndexOf(TensorStart);
            at = next < 0 ? next : at + 1 + next;
        }

        return new CalibrationStatistics(new StatisticsReader(file).ReadSamples(), read);
    }

    private static void WriteTensor(Utf8JsonWriter json, TensorStatistics tensor)
    {
        json.WriteStartObject();
        json.WriteString("name", tensor.Name);
        json.WriteNumber("count", tensor.Count);
        json.WriteNumber("minimum", tensor.Minimum);
        json.WriteNumber("maximum", tensor.Maximum);
        json.WriteNumber("nans", tensor.NaNs);
        json.WriteNumber("infinities", tensor.Infinities);
        if (!tensor.Histogram.IsEmpty)
            json.WritePropertyName("histogram");
        if (!tensor.Histogram.IsEmpty)
            json.WriteRawValue(Runs(tensor.Histogram), skipInputValidation: true);
        if (tensor.Channels is { } channels)
        {
            json.WriteStartObject("channels");
            json.WriteNumber("axis", channels.Axis);
            WriteArray(json, "minimum", channels.Minimum, v => json.WriteNumberValue(v));
            WriteArray(json, "maximum", channels.Maximum, v => json.WriteNumberValue(v));
            WriteArray(json, "sums", channels.Sums, v => json.WriteNumberValue(v));
            WriteArray(json, "counts", channels.CountPerChannel, v => json.WriteNumberValue(v));
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteArray<T>(Utf8JsonWriter json, string name, T[] values, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (T value in values)
            write(value);
        json.WriteEndArray();
    }

    private static ReadOnlySpan<byte> Runs(FloatHistogram histogram)
    {
        const int longest = 32;
        byte[] text = new byte[(histogram.Ranks.Length * longest) + longest];
        int end = 0;
        text[end++] = (byte)'[';
        // By key: first the values from zero on, then the negative ones, from zero down.
        int positive = histogram.Ranks.BinarySearch((ushort)0x8000);
        positive = positive < 0 ? ~positive : positive;
        int last = -2;
        for (int i = positive; i < histogram.Ranks.Length; i++)
            Append(text, ref end, ref last, FloatBins.KeyOfRank(histogram.Ranks[i]), histogram.Counts[i]);
        for (int i = positive - 1; i >= 0; i--)
            Append(text, ref end, ref last, FloatBins.KeyOfRank(histogram.Ranks[i]), histogram.Counts[i]);
        text[end++] = (byte)']';
        text[end++] = (byte)']';
        return text.AsSpan(0, end);
    }

    private static void Append(byte[] text, ref int end, ref int last, int key, long count)
    {
        if (key != last + 1)
        {
            if (last >= 0)
            {
                text[end++] = (byte)']';
                text[end++] = (byte)',';
            }

            text[end++] = (byte)'[';
            Number(text, ref end, key);
        }

        text[end++] = (byte)',';
        Number(text, ref end, count);
        last = key;
    }

    private static void Number(byte[] text, ref int end, long value)
    {
        _ = Utf8Formatter.TryFormat(value, text.AsSpan(end), out int written);
        end += written;
    }
}
