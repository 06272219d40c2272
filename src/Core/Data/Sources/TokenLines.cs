using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>The lists of one JSON lines file, found again by where their lines begin.</summary>
internal sealed class TokenLines : IRecordSource
{
    private const int MaximumLine = 64 << 20;

    private readonly InputSpec _input;
    private readonly SafeFileHandle _file;
    private readonly List<Line> _lines = [];

    public TokenLines(InputSpec input)
    {
        _input = input;
        using (FileStream stream = DataFile.Open(input.File))
            Index(stream);
        _file = File.OpenHandle(input.File, options: FileOptions.RandomAccess);
    }

    public ElementType Type => ElementType.Int64;

    public int Count => _lines.Count;

    public long[]? Shape => _input.PadTo is { } length ? [length] : null;

    public bool IsCheckedOnRead => true;

    public string Describe(int record) => $"{_input.File}, line {_lines[record].Number}";

    public Record Read(int record)
    {
        Line line = _lines[record];
        byte[] text = new byte[line.Length];
        for (int at = 0; at < text.Length;)
        {
            int read = RandomAccess.Read(_file, text.AsSpan(at), line.Start + at);
            if (read == 0)
                throw Bad(record, "the file became shorter while it was read");
            at += read;
        }

        List<long> tokens = Parse(text, record);
        if (_input.PadTo is { } length)
        {
            if (tokens.Count > length)
                throw Bad(record, $"{tokens.Count} tokens, more than \"pad_to\" {length}; cut the line or raise pad_to");
            tokens.AddRange(Enumerable.Repeat(_input.PadValue, length - tokens.Count));
        }

        return new ArrayRecord([tokens.Count], MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(tokens)).ToArray());
    }

    public void Dispose() => _file.Dispose();

    private List<long> Parse(ReadOnlySpan<byte> text, int record)
    {
        try
        {
            List<long> tokens = [];
            Utf8JsonReader reader = new(text);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
                throw Bad(record, "not a list of token ids like [1, 2, 3]");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long token))
                    throw Bad(record, $"element {tokens.Count} is no integer");
                tokens.Add(token);
            }

            while (reader.Read())
                throw Bad(record, "more than one list");
            return tokens;
        }
        catch (JsonException e)
        {
            throw Bad(record, $"not JSON: {e.Message.Split(". LineNumber", 2)[0].TrimEnd('.')}");
        }
    }

    /// <summary>Notes where lines begin, so that any can be read alone.</summary>
    private void Index(Stream stream)
    {
        byte[] buffer = new byte[1 << 16];
        long position = 0, start = 0;
        int number = 1;
        bool blank = true;
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            for (int i = 0; i < read; i++, position++)
            {
                if (buffer[i] == '\n')
                {
                    Add(start, position, number++, blank);
                    (start, blank) = (position + 1, true);
                }
                else if (buffer[i] is not ((byte)' ' or (byte)'\r' or (byte)'\t'))
                {
                    blank = false;
                }
            }
        }

        Add(start, position, number, blank);
    }

    private void Add(long start, long end, int number, bool blank)
    {
        if (end - start > MaximumLine)
            throw new QuantException(ExitCode.BadData, $"{_input.File}, line {number}: {end - start} bytes; a line of token ids has at most {MaximumLine}.");
        if (!blank)
            _lines.Add(new Line(start, (int)(end - start), number));
    }

    private QuantException Bad(int record, string what) => new(ExitCode.BadData, $"{Describe(record)}: {what}.");

    private readonly record struct Line(long Start, int Length, int Number);
}
