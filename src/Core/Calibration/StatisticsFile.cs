using System.Globalization;
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
    private const string Format = "quantcluster.statistics/1";

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
            using FileStream stream = File.OpenRead(path);
            return Read(stream);
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

    public static CalibrationStatistics Read(Stream stream)
    {
        using JsonDocument document = JsonDocument.Parse(stream);
        JsonElement root = document.RootElement;
        if (root.GetProperty("format").GetString() is var format && format != Format)
            throw new InvalidDataException($"its format is '{format}', this program reads '{Format}'");
        return new CalibrationStatistics(
            root.GetProperty("samples").GetInt32(),
            [.. root.GetProperty("tensors").EnumerateArray().Select(ReadTensor)]);
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
            json.WriteRawValue(Runs(tensor.Histogram));
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

    private static string Runs(FloatHistogram histogram)
    {
        (int Key, long Count)[] bins = new (int, long)[histogram.Ranks.Length];
        for (int i = 0; i < bins.Length; i++)
            bins[i] = (FloatBins.KeyOfRank(histogram.Ranks[i]), histogram.Counts[i]);
        Array.Sort(bins);
        System.Text.StringBuilder text = new("[");
        for (int i = 0; i < bins.Length; i++)
        {
            if (i == 0 || bins[i].Key != bins[i - 1].Key + 1)
                text.Append(i == 0 ? "[" : "],[").Append(CultureInfo.InvariantCulture, $"{bins[i].Key}");
            text.Append(CultureInfo.InvariantCulture, $",{bins[i].Count}");
        }

        return text.Append("]]").ToString();
    }

    private static TensorStatistics ReadTensor(JsonElement json)
    {
        float minimum = json.GetProperty("minimum").GetSingle(), maximum = json.GetProperty("maximum").GetSingle();
        return new TensorStatistics
        {
            Name = json.GetProperty("name").GetString() ?? throw new InvalidDataException("a tensor has no name"),
            Count = json.GetProperty("count").GetInt64(),
            Minimum = minimum,
            Maximum = maximum,
            NaNs = json.GetProperty("nans").GetInt64(),
            Infinities = json.GetProperty("infinities").GetInt64(),
            Histogram = json.TryGetProperty("histogram", out JsonElement runs) ? ReadHistogram(runs, minimum, maximum) : FloatHistogram.Empty,
            Channels = json.TryGetProperty("channels", out JsonElement channels) ? ReadChannels(channels) : null,
        };
    }

    private static FloatHistogram ReadHistogram(JsonElement runs, float minimum, float maximum)
    {
        List<(int Rank, long Count)> bins = [];
        foreach (JsonElement run in runs.EnumerateArray())
        {
            int key = -1;
            foreach (JsonElement number in run.EnumerateArray())
            {
                if (key < 0)
                {
                    key = number.GetInt32();
                    continue;
                }

                long count = number.GetInt64();
                if (count < 1 || key >= FloatBins.Count || (key & 0x7FFF) >= FloatBins.FirstNonFinite)
                    throw new InvalidDataException($"bin {key} holds {count}");
                bins.Add((FloatBins.RankOfKey(key++), count));
            }
        }

        bins.Sort();
        return new FloatHistogram([.. bins.Select(b => (ushort)b.Rank)], [.. bins.Select(b => b.Count)], minimum, maximum);
    }

    private static ChannelStatistics ReadChannels(JsonElement json) => new(
        json.GetProperty("axis").GetInt32(),
        [.. json.GetProperty("minimum").EnumerateArray().Select(v => v.GetSingle())],
        [.. json.GetProperty("maximum").EnumerateArray().Select(v => v.GetSingle())],
        [.. json.GetProperty("sums").EnumerateArray().Select(v => v.GetDouble())],
        [.. json.GetProperty("counts").EnumerateArray().Select(v => v.GetInt64())]);
}
