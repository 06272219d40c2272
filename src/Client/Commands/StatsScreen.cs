using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Numerics;
using QuantCluster.Ranges;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary>Calibration statistics as tables and bars.</summary>
internal static class StatsScreen
{
    private const int Rows = 24;
    private const int BarWidth = 48;

    /// <summary>A terminal this wide has room for every column.</summary>
    private const int WidthOfAll = 120;

    /// <summary>Exact where the tensor was gathered by channel, else from the middles of the bins.</summary>
    public static double Mean(TensorStatistics tensor) => tensor is { Channels: { } channels, FiniteCount: > 0 }
        ? channels.Sums.Sum() / tensor.FiniteCount
        : tensor.Histogram.ApproximateMean();

    public static void ShowTable(CalibrationStatistics statistics)
    {
        IAnsiConsole screen = Screen.Open();
        Table table = new() { Border = TableBorder.Simple };
        (string Name, bool IsEssential, Func<TensorStatistics, string> Cell)[] columns =
        [
            ("tensor", true, t => Markup.Escape(t.Name)),
            ("values", true, t => Whole(t.Count)),
            ("minimum", true, t => Real(t.Minimum)),
            ("0.1 %", false, t => Real(t.Histogram.Quantile(0.001))),
            ("median", false, t => Real(t.Histogram.Quantile(0.5))),
            ("mean", true, t => Real(Mean(t))),
            ("99.9 %", false, t => Real(t.Histogram.Quantile(0.999))),
            ("maximum", true, t => Real(t.Maximum)),
            ("zeros", true, t => Share(t.Histogram.Zeros, t.FiniteCount)),
            ("NaN, ±Inf", statistics.Tensors.Values.Any(t => Broken(t) > 0), t => Broken(t) == 0 ? "" : $"[red]{Broken(t)}[/]"),
        ];
        if (screen.Profile.Width < WidthOfAll)
            columns = [.. columns.Where(c => c.IsEssential)];
        foreach ((string name, _, _) in columns)
            table.AddColumn(new TableColumn(name) { Alignment = name == "tensor" ? Justify.Left : Justify.Right, NoWrap = name != "tensor" });
        foreach (TensorStatistics tensor in statistics.Tensors.Values)
            table.AddRow([.. columns.Select(c => c.Cell(tensor))]);

        screen.Write(table);
        screen.WriteLine($"{statistics.Tensors.Count} tensors over {statistics.Samples} samples. One tensor's histogram: quant stats FILE TENSOR");
    }

    private static long Broken(TensorStatistics tensor) => tensor.NaNs + tensor.Infinities;

    public static void ShowHistogram(TensorStatistics tensor)
    {
        IAnsiConsole screen = Screen.Open();
        screen.WriteLine($"{tensor.Name}: {Whole(tensor.Count)} values from {Real(tensor.Minimum)} to {Real(tensor.Maximum)}, mean {Real(Mean(tensor))}, "
            + $"zeros {Share(tensor.Histogram.Zeros, tensor.FiniteCount)}, NaN {tensor.NaNs}, infinite {tensor.Infinities}");
        if (tensor.Histogram.Total == tensor.Histogram.Zeros)
            return;
        screen.WriteLine("Values other than zero; bars grow with the logarithm of the count.");
        double[] rows = Bars(tensor);
        double width = ((double)tensor.Maximum - tensor.Minimum) / Rows, most = rows.Max();
        for (int row = 0; row < Rows; row++)
        {
            int length = rows[row] < 0.5 ? 0 : Math.Max(1, (int)Math.Round(BarWidth * Math.Log(1 + rows[row]) / Math.Log(1 + most)));
            screen.WriteLine($"{Real(tensor.Minimum + (row * width)),11} │{new string('█', length)} {(length == 0 ? "" : Whole((long)Math.Round(rows[row])))}");
        }

        screen.WriteLine($"{Real(tensor.Maximum),11} │");
        Table table = new() { Border = TableBorder.Simple };
        foreach (string column in (string[])["range by", "from", "to", "clipped", "expected SQNR as UINT8"])
            table.AddColumn(new TableColumn(column) { Alignment = column == "range by" ? Justify.Left : Justify.Right, NoWrap = true });
        double power = Power(tensor.Histogram);
        foreach (IRangeEstimator estimator in RangeEstimators.All)
        {
            RealRange range = estimator.Estimate(tensor, IntegerType.UInt8);
            double error = QuantizationError.ExpectedSquaredError(tensor.Histogram, AffineMapping.FromRange(range, IntegerType.UInt8));
            table.AddRow(estimator.Name, Real(range.Minimum), Real(range.Maximum), Share(Outside(tensor.Histogram, range), tensor.FiniteCount),
                error == 0 ? "∞" : string.Create(CultureInfo.InvariantCulture, $"{10 * Math.Log10(power / error):0.0} dB"));
        }

        screen.Write(table);
        if (tensor.Channels is { } channels)
            ShowChannels(screen, channels);
    }

    /// <summary>How far channels differ says what a range of its own for each would gain.</summary>
    private static void ShowChannels(IAnsiConsole screen, ChannelStatistics channels)
    {
        int[] byWidth = [.. Enumerable.Range(0, channels.Channels).OrderBy(c => (double)channels.Maximum[c] - channels.Minimum[c])];
        screen.WriteLine($"{channels.Channels} channels on axis {channels.Axis}: narrowest {Channel(byWidth[0])}, median {Channel(byWidth[byWidth.Length / 2])}, widest {Channel(byWidth[^1])}");

        string Channel(int c) => $"{c} from {Real(channels.Minimum[c])} to {Real(channels.Maximum[c])}";
    }

    private static double[] Bars(TensorStatistics tensor)
    {
        double[] rows = new double[Rows];
        double least = tensor.Minimum, width = ((double)tensor.Maximum - least) / Rows;
        FloatHistogram histogram = tensor.Histogram;
        for (int i = 0; i < histogram.Ranks.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            if (low == 0 && high == 0)
                continue;
            int first = Row(low), last = Row(high);
            for (int row = first; row <= last; row++)
            {
                double part = high == low ? 1 : (Math.Min(high, least + ((row + 1) * width)) - Math.Max(low, least + (row * width))) / (high - low);
                rows[row] += histogram.Counts[i] * (first == last ? 1 : Math.Max(0, part));
            }
        }

        return rows;

        int Row(double value) => width == 0 ? 0 : Math.Clamp((int)((value - least) / width), 0, Rows - 1);
    }

    private static double Power(FloatHistogram histogram)
    {
        double sum = 0;
        for (int i = 0; i < histogram.Ranks.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            sum += histogram.Counts[i] * ((low * low) + (low * high) + (high * high)) / 3;
        }

        return sum / Math.Max(1, histogram.Total);
    }

    // Whole bins outside only: those the end cuts through count as inside.
    private static long Outside(FloatHistogram histogram, RealRange range)
    {
        long outside = 0;
        for (int i = 0; i < histogram.Ranks.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            if (high < range.Minimum || low > range.Maximum)
                outside += histogram.Counts[i];
        }

        return outside;
    }

    private static string Whole(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Real(double value) => value.ToString("0.####e+0", CultureInfo.InvariantCulture) is var scientific
        && value != 0 && Math.Abs(value) is < 1e-3 or >= 1e6 ? scientific : value.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Share(long part, long whole) =>
        whole == 0 || part == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.###} %");
}
