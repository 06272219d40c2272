using QuantCluster.Data.Sources;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>One model input bound to its records: type and shape checked, ready to be read.</summary>
internal sealed class InputFeed : IDisposable
{
    private readonly ValueSignature _model;
    private readonly InputSpec _input;
    private readonly IRecordSource _source;
    private readonly Preprocessing _preprocessing;
    private readonly long[]? _wanted;
    private readonly ChannelArrangement _first;

    private InputFeed(ValueSignature model, InputSpec input, IRecordSource source)
    {
        _model = model;
        _input = input = source.Layout is { } layout ? input with { Layout = layout } : input;
        _source = source;
        if (source.Count == 0)
            throw Bad("holds no records; calibration needs at least one");
        if (!ElementConversion.IsAllowed(source.Type, model.Type))
            throw Bad($"holds {source.Type.Name()}, but the model's input {model.Name} takes {model.Type.Name()}");
        if (input.Scales && !model.Type.IsFloating())
            throw Bad($"has divide, mean or std in the spec, but the model's input {model.Name} takes {model.Type.Name()}: they are for floating-point inputs");

        long[] shape = FirstShape(source);
        HasBatch = model.Shape.Length == 0 ? shape.Length > 0 : shape.Length == model.Shape.Length - 1;
        _wanted = model.Shape.Length == 0 ? null : HasBatch ? model.Shape[1..] : model.Shape;
        _first = Arrange(shape);
        CheckChannels("mean", input.Mean.Count);
        CheckChannels("std", input.Std.Count);
        _preprocessing = new Preprocessing(source.Type, model.Type, input, _first.Channels);
    }

    public string Name => _model.Name;

    public string File => _input.File;

    /// <summary>Number of records.</summary>
    public int Count => _source.Count;

    /// <summary>Whether the model's first dimension counts records; otherwise a record is the whole input.</summary>
    public bool HasBatch { get; }

    /// <summary>Records one run must have: the model's fixed batch; −1 where any number goes.</summary>
    public long Batch => !HasBatch ? 1 : _model.Shape.Length == 0 ? -1 : _model.Shape[0];

    /// <summary>Whether no record can turn out bad when it is read.</summary>
    public bool CannotFail => !_source.IsCheckedOnRead && _preprocessing.CannotFail;

    /// <exception cref="QuantException">The data do not exist, or do not fit the input.</exception>
    public static InputFeed Bind(ValueSignature model, InputSpec input)
    {
        IRecordSource source = DatasetReaders.Open(input, model);
        try
        {
            return new InputFeed(model, input, source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The value of the model's input for one run.</summary>
    /// <param name="first">The run's first record.</param>
    /// <param name="batch">Records of the run; those beyond the last one repeat it.</param>
    public DenseTensor Read(int first, int batch)
    {
        byte[]? bytes = null;
        long[] shape = [];
        int size = 0;
        for (int i = 0; i < batch; i++)
        {
            if (first + i >= Count)
            {
                bytes.AsSpan((i - 1) * size, size).CopyTo(bytes.AsSpan(i * size));
                continue;
            }

            using Record record = _source.Read(first + i);
            ChannelArrangement arrangement = _source.Shape is null ? Arrange(record.Shape, first + i) : _first;
            if (bytes is null)
            {
                shape = arrangement.Shape;
                size = checked(arrangement.Channels * arrangement.Pixels * _model.Type.Size());
                bytes = GC.AllocateUninitializedArray<byte>(checked(size * batch));
            }
            else if (!shape.AsSpan().SequenceEqual(arrangement.Shape))
            {
                throw Bad($"has shape {RecordShape.Format(record.Shape)}, but the records before it in the model's batch of {batch} have another; give all the same shape", first + i);
            }

            Convert(record, arrangement, bytes.AsSpan(i * size, size), first + i);
        }

        return new DenseTensor(_model.Type, HasBatch ? [batch, .. shape] : shape, bytes);
    }

    /// <summary>What errors call a record.</summary>
    public string Describe(int record) => _source.Describe(record);

    public void Dispose() => _source.Dispose();

    private static long[] FirstShape(IRecordSource source)
    {
        if (source.Shape is { } shape)
            return shape;
        using Record record = source.Read(0);
        return record.Shape;
    }

    private void Convert(Record record, ChannelArrangement arrangement, Span<byte> target, int index)
    {
        try
        {
            _preprocessing.Apply(arrangement, record.Bytes, target);
        }
        catch (OverflowException e)
        {
            throw new QuantException(ExitCode.BadData, $"{Describe(index)}: a value is outside {_model.Type.Name()}, which the model's input {Name} takes.", e);
        }
    }

    private ChannelArrangement Arrange(long[] shape, int? record = null)
    {
        if (ChannelArrangement.Of(shape, _input, _wanted) is { } fits)
            return fits;
        string layout = _input.Layout is { } given ? $" ({given})" : "";
        throw Bad($"has records of shape {RecordShape.Format(shape)}{layout}, which does not fit the model's input {Name} {RecordShape.Format(_model.Shape)}{Hint(shape)}", record);
    }

    private string Hint(long[] shape)
    {
        if (_source is { Layout: not null } && _model.Shape is [_, _, > 0, > 0] image && _input.Size is null)
            return $"; give \"size\": [{image[2]}, {image[3]}] in the spec to scale images";
        if (_source is TokenLines && _model.Shape is [.., > 0])
            return $"; give \"pad_to\": {_model.Shape[^1]} in the spec to pad lists";
        return _input.Layout is null && ChannelArrangement.Of(shape, _input with { Layout = ImageLayout.NHWC }, _wanted) is not null
            ? "; with \"layout\": \"NHWC\" in the spec it would"
            : "";
    }

    private void CheckChannels(string name, int count)
    {
        if (count > 1 && count != _first.Channels)
            throw Bad($"has {_first.Channels} channels, but \"{name}\" in the spec gives {count} values");
    }

    private QuantException Bad(string what, int? record = null) =>
        new(ExitCode.BadData, $"{(record is { } index ? Describe(index) : File)} {what}.");
}
