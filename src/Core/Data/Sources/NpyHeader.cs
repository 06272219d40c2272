using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>The header of NumPy's <c>.npy</c> format, versions 1 to 3 (numpy.lib.format).</summary>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, row-major.</param>
/// <param name="DataOffset">Bytes before the first element.</param>
/// <param name="DataBytes">Bytes of all elements.</param>
internal sealed partial record NpyHeader(ElementType Type, long[] Shape, long DataOffset, long DataBytes)
{
    // NumPy itself writes a few hundred bytes; a claim of more is no array of numbers.
    private const int MaximumHeader = 1 << 16;

    /// <param name="stream">Read from its position up to the first element.</param>
    /// <param name="file">What errors call it.</param>
    /// <exception cref="QuantException">The header is damaged, or of an array that is not read here.</exception>
    public static NpyHeader Read(Stream stream, string file)
    {
        Span<byte> start = stackalloc byte[12];
        Fill(stream, start[..8], file);
        if (start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
            throw Bad(file, "not a .npy file (it does not start with \\x93NUMPY)");
        int version = start[6];
        if (version is < 1 or > 3)
            throw Bad(file, $"version {version} of the .npy format is not known");
        int lengthBytes = version == 1 ? 2 : 4;
        Fill(stream, start.Slice(8, lengthBytes), file);
        uint length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (length > MaximumHeader)
            throw Bad(file, $"a header of {length} bytes; the file is damaged");
        byte[] header = new byte[length];
        Fill(stream, header, file);
        return Parse(Encoding.UTF8.GetString(header), 8 + lengthBytes + length, file);
    }

    private static NpyHeader Parse(string text, long dataOffset, string file)
    {
        if (!DescrPattern().IsMatch(text))
            throw Bad(file, "the array has named fields or a header that is damaged; save a plain array");
        string descr = DescrPattern().Match(text).Groups[1].Value;
        Match order = OrderPattern().Match(text), dimensions = ShapePattern().Match(text);
        if (!order.Success || !dimensions.Success)
            throw Bad(file, "the header is damaged: fortran_order or shape is missing");

        long[] shape = [.. dimensions.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(d => Dimension(d, file))];
        ElementType type = TypeOf(descr, file);
        if (order.Groups[1].Value == "True" && shape.Count(d => d > 1) > 1)
            throw Bad(file, "the array is in Fortran order; save numpy.ascontiguousarray(array)");
        long elements = RecordShape.ElementCount(shape, file);
        return new NpyHeader(type, shape, dataOffset, elements * type.Size());
    }

    private static long Dimension(string text, string file) => long.TryParse(text.TrimEnd('L'), out long value)
        ? value
        : throw Bad(file, $"the header is damaged: a dimension is {text}");

    private static ElementType TypeOf(string descr, string file)
    {
        if (descr.StartsWith('>') && descr is not (">u1" or ">i1" or ">b1"))
            throw Bad(file, $"the array is big-endian ({descr}); save array.astype('<{descr[1..]}')");
        return descr.TrimStart('<', '|', '=', '>') switch
        {
            "f4" => ElementType.Float,
            "f8" => ElementType.Double,
            "f2" => ElementType.Float16,
            "u1" => ElementType.UInt8,
            "i1" => ElementType.Int8,
            "u2" => ElementType.UInt16,
            "i2" => ElementType.Int16,
            "u4" => ElementType.UInt32,
            "i4" => ElementType.Int32,
            "u8" => ElementType.UInt64,
            "i8" => ElementType.Int64,
            "b1" => ElementType.Bool,
            "O" => throw Bad(file, "the array holds Python objects (often lists of different lengths); save numbers of one type"),
            string other => throw Bad(file, $"elements of type {other} are not read; save one of {ElementTypeNames.All}"),
        };
    }

    private static void Fill(Stream stream, Span<byte> destination, string file)
    {
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
            throw Bad(file, "not a .npy file, or truncated within its header");
    }

    private static QuantException Bad(string file, string what) => new(ExitCode.BadData, $"{file}: {what}.");

    [GeneratedRegex(@"['""]descr['""]\s*:\s*['""]([^'""]*)['""]")]
    private static partial Regex DescrPattern();

    [GeneratedRegex(@"['""]fortran_order['""]\s*:\s*(True|False)")]
    private static partial Regex OrderPattern();

    [GeneratedRegex(@"['""]shape['""]\s*:\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
