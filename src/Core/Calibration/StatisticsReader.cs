using System.Text.Json;

namespace QuantCluster.Calibration;

/// <summary>Reads what <see cref="StatisticsFile"/> writes, in one walk: a job reads a file of some 100 000 counts for every block.</summary>
internal ref struct StatisticsReader(ReadOnlySpan<byte> file)
{
    private Utf8JsonReader _json = new(file);

    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="InvalidDataException">It is no statistics file.</exception>
    /// <exception cref="InvalidOperationException">A value is of another type.</exception>
    public CalibrationStatistics Read()
    {
        string? format = null;
        int? samples = null;
        List<TensorStatistics>? tensors = null;
        Expect(JsonTokenType.StartObject);
        while (NextProperty() is { } name)
        {
            if (name == "format")
                format = _json.GetString();
            else if (name == "samples")
                samples = _json.GetInt32();
            else if (name == "tensors")
                tensors = Tensors();
            else
                _json.Skip();
        }

        if (format != StatisticsFile.Format)
            throw new InvalidDataException($"its format is '{format}', this program reads '{StatisticsFile.Format}'");
        return new CalibrationStatistics(samples ?? throw Missing("samples"), tensors ?? throw Missing("tensors"));
    }

    /// <summary>The number of samples alone.</summary>
    /// <exception cref="InvalidDataException">It is not said before the tensors.</exception>
    public int ReadSamples()
    {
        Expect(JsonTokenType.StartObject);
        while (NextProperty() is { } name && name != "tensors")
        {
            if (name == "samples")
                return _json.GetInt32();
            _json.Skip();
        }

        throw Missing("samples");
    }

    /// <summary>One tensor of the file, that begins where the reader does.</summary>
    public TensorStatistics ReadTensor()
    {
        Advance();
        return Tensor();
    }

    private List<TensorStatistics> Tensors()
    {
        List<TensorStatistics> tensors = [];
        Require(JsonTokenType.StartArray);
        while (NextElement())
            tensors.Add(Tensor());
        return tensors;
    }

    private TensorStatistics Tensor()
    {
        string? tensor = null;
        float? minimum = null, maximum = null;
        long? count = null, nans = null, infinities = null;
        ChannelStatistics? channels = null;
        HistogramBins bins = new();
        Require(JsonTokenType.StartObject);
        while (NextProperty() is { } name)
        {
            switch (name)
            {
                case "name":
                    tensor = _json.GetString();
                    break;
                case "count":
                    count = _json.GetInt64();
                    break;
                case "minimum":
                    minimum = _json.GetSingle();
                    break;
                case "maximum":
                    maximum = _json.GetSingle();
                    break;
                case "nans":
                    nans = _json.GetInt64();
                    break;
                case "infinities":
                    infinities = _json.GetInt64();
                    break;
                case "histogram":
                    Histogram(bins);
                    break;
                case "channels":
                    channels = Channels();
                    break;
                default:
                    _json.Skip();
                    break;
            }
        }

        float least = minimum ?? throw Missing("minimum"), greatest = maximum ?? throw Missing("maximum");
        return new TensorStatistics
        {
            Name = tensor ?? throw Missing("name"),
            Count = count ?? throw Missing("count"),
            Minimum = least,
            Maximum = greatest,
            NaNs = nans ?? throw Missing("nans"),
            Infinities = infinities ?? throw Missing("infinities"),
            Histogram = bins.ToHistogram(least, greatest),
            Channels = channels,
        };
    }

    private void Histogram(HistogramBins bins)
    {
        Require(JsonTokenType.StartArray);
        while (NextElement())
        {
            Require(JsonTokenType.StartArray);
            for (int key = -1; NextElement();)
            {
                if (key < 0)
                    key = _json.GetInt32();
                else
                    bins.Add(key++, _json.GetInt64());
            }
        }
    }

    private ChannelStatistics Channels()
    {
        int? axis = null;
        double[]? minimum = null, maximum = null, sums = null, counts = null;
        Require(JsonTokenType.StartObject);
        while (NextProperty() is { } name)
        {
            switch (name)
            {
                case "axis":
                    axis = _json.GetInt32();
                    break;
                case "minimum":
                    minimum = Numbers();
                    break;
                case "maximum":
                    maximum = Numbers();
                    break;
                case "sums":
                    sums = Numbers();
                    break;
                case "counts":
                    counts = Numbers();
                    break;
                default:
                    _json.Skip();
                    break;
            }
        }

        // Floats survive the way through doubles, and so do counts: there are never 2⁵³ values.
        return new ChannelStatistics(
            axis ?? throw Missing("axis"),
            Array.ConvertAll(minimum ?? throw Missing("minimum"), v => (float)v),
            Array.ConvertAll(maximum ?? throw Missing("maximum"), v => (float)v),
            sums ?? throw Missing("sums"),
            Array.ConvertAll(counts ?? throw Missing("counts"), v => (long)v));
    }

    private double[] Numbers()
    {
        List<double> numbers = [];
        Require(JsonTokenType.StartArray);
        while (NextElement())
            numbers.Add(_json.GetDouble());
        return [.. numbers];
    }

    /// <summary>The next property's name, with the reader on its value; null at the object's end.</summary>
    private string? NextProperty()
    {
        Advance();
        if (_json.TokenType == JsonTokenType.EndObject)
            return null;
        string name = _json.GetString()!;
        Advance();
        return name;
    }

    private bool NextElement()
    {
        Advance();
        return _json.TokenType != JsonTokenType.EndArray;
    }

    private void Expect(JsonTokenType type)
    {
        Advance();
        Require(type);
    }

    private void Advance()
    {
        if (!_json.Read())
            throw new InvalidDataException("it ends in the middle");
    }

    private readonly void Require(JsonTokenType type)
    {
        if (_json.TokenType != type)
            throw new InvalidDataException($"{type} is expected at byte {_json.TokenStartIndex}");
    }

    private static InvalidDataException Missing(string property) => new($"'{property}' is missing");
}
