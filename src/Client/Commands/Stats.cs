using System.CommandLine;
using System.Text.Json;
using QuantCluster.Calibration;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant stats FILE [TENSOR]</c>: what a calibration pass found.</summary>
internal static class Stats
{
    public static Command Create()
    {
        Argument<string> file = new("FILE") { Description = "A file that 'quant calibrate' wrote." };
        Argument<string?> tensor = new("TENSOR") { Description = "Show one tensor's histogram, and the ranges the estimators choose.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> json = new("--json") { Description = "One JSON object instead of tables." };
        Command command = new("stats", "Shows calibration statistics: a table of all tensors, or one tensor's histogram.") { file, tensor, json };
        command.SetAction(parsed =>
        {
            CalibrationStatistics statistics = CalibrationStatistics.Load(parsed.GetValue(file)!);
            IReadOnlyCollection<TensorStatistics> shown = [.. statistics.Tensors.Values];
            if (parsed.GetValue(tensor) is { } name)
                shown = [Find(statistics, name)];
            if (parsed.GetValue(json))
                WriteJson(statistics, shown);
            else if (parsed.GetValue(tensor) is null)
                StatsScreen.ShowTable(statistics);
            else
                StatsScreen.ShowHistogram(shown.First());
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static TensorStatistics Find(CalibrationStatistics statistics, string name)
    {
        if (statistics.Tensors.TryGetValue(name, out TensorStatistics? exact))
            return exact;
        string[] close = [.. statistics.Tensors.Keys.Where(k => k.Contains(name, StringComparison.OrdinalIgnoreCase))];
        return close switch
        {
            [var only] => statistics.Tensors[only],
            [] => throw new QuantException(ExitCode.Usage, $"no statistics of a tensor '{name}'. 'quant stats FILE' lists those there are."),
            _ => throw new QuantException(ExitCode.Usage, $"'{name}' may be {string.Join(", ", close.Take(5))}{(close.Length > 5 ? $" or {close.Length - 5} more" : "")}. Give the whole name."),
        };
    }

    private static void WriteJson(CalibrationStatistics statistics, IEnumerable<TensorStatistics> tensors)
    {
        using Utf8JsonWriter json = new(Console.OpenStandardOutput(), new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("samples", statistics.Samples);
        json.WriteStartArray("tensors");
        foreach (TensorStatistics tensor in tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteNumber("count", tensor.Count);
            json.WriteNumber("minimum", tensor.Minimum);
            json.WriteNumber("maximum", tensor.Maximum);
            json.WriteNumber("mean", StatsScreen.Mean(tensor));
            json.WriteStartObject("percentiles");
            foreach (double percent in (double[])[0.01, 0.1, 1, 50, 99, 99.9, 99.99])
                json.WriteNumber(percent.ToString(System.Globalization.CultureInfo.InvariantCulture), tensor.Histogram.Quantile(percent / 100));
            json.WriteEndObject();
            json.WriteNumber("zeros", tensor.Histogram.Zeros);
            json.WriteNumber("nans", tensor.NaNs);
            json.WriteNumber("infinities", tensor.Infinities);
            if (tensor.Channels is { } channels)
                WriteChannels(json, channels);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteChannels(Utf8JsonWriter json, ChannelStatistics channels)
    {
        json.WriteStartObject("channels");
        json.WriteNumber("axis", channels.Axis);
        Write("minimum", c => channels.Minimum[c]);
        Write("maximum", c => channels.Maximum[c]);
        Write("mean", channels.Mean);
        json.WriteEndObject();

        void Write(string name, Func<int, double> figure)
        {
            json.WriteStartArray(name);
            for (int c = 0; c < channels.Channels; c++)
                json.WriteNumberValue(figure(c));
            json.WriteEndArray();
        }
    }
}
