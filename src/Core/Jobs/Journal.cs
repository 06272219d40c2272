using System.Text.Json;

namespace QuantCluster.Jobs;

/// <summary>One finished piece of work.</summary>
/// <param name="Key">Hash of everything it depended on.</param>
/// <param name="Kind">Stage or kind of work item; for people, and for the time of a stage.</param>
/// <param name="Outputs">Output name to the SHA-256 name of its blob.</param>
/// <param name="Seconds">How long it took when it was really done.</param>
public sealed record JournalRecord(string Key, string Kind, SortedDictionary<string, string> Outputs, double Seconds);

/// <summary>
/// What is finished, one JSON line each, only ever appended to and flushed to the disk line by line.
/// A line that a crash cut short is dropped when the journal is opened: its work is done again. Thread-safe.
/// </summary>
public sealed class Journal : IDisposable
{
    private readonly Dictionary<string, JournalRecord> _records = [];
    private readonly FileStream _stream;
    private readonly Lock _lock = new(), _writing = new();

    private Journal(FileStream stream) => _stream = stream;

    /// <summary>Opens or creates the file.</summary>
    public static Journal Open(string path)
    {
        FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        Journal journal = new(stream);
        journal.Replay();
        return journal;
    }

    /// <summary>Opens a copy of the file and puts that in its place: who still has the former one open writes into a file without a name.</summary>
    /// <param name="path">The file; it need not be there.</param>
    /// <param name="temporary">Where the copy is until it is opened, so that it is never another's that is opened.</param>
    /// <exception cref="QuantException">It cannot be written, or the temporary place is gone (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static Journal Replace(string path, string temporary)
    {
        AtomicFile.Create(temporary, copy =>
        {
            if (File.Exists(path))
                copy.Write(File.ReadAllBytes(path));
        });
        Journal journal = Open(temporary);
        try
        {
            AtomicFile.Rename(temporary, path);
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>The finished work of this key; null when it is still to be done.</summary>
    public JournalRecord? Find(string key)
    {
        lock (_lock)
            return _records.GetValueOrDefault(key);
    }

    /// <summary>All finished work, in no particular order.</summary>
    public IReadOnlyList<JournalRecord> Records
    {
        get
        {
            lock (_lock)
                return [.. _records.Values];
        }
    }

    /// <summary>When it returns the records survive a crash. One flush for all of them: that is what takes time.</summary>
    public void Append(params IReadOnlyList<JournalRecord> records)
    {
        using MemoryStream lines = new();
        foreach (JournalRecord record in records)
        {
            lines.Write(JsonSerializer.SerializeToUtf8Bytes(record, JobJson.Default.JournalRecord));
            lines.WriteByte((byte)'\n');
        }

        if (lines.Length == 0)
            return;
        lock (_writing)
        {
            _stream.Write(lines.GetBuffer(), 0, (int)lines.Length);
            _stream.Flush(flushToDisk: true);

            // Who looks something up does not wait for the disk.
            lock (_lock)
            {
                foreach (JournalRecord record in records)
                    _records[record.Key] = record;
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    private void Replay()
    {
        byte[] bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        int start = 0;
        for (int end; (end = bytes.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += end + 1)
        {
            // A line a dying disk or machine garbled is work to do again, no reason to give up the rest.
            if (Parse(bytes.AsSpan(start, end)) is { } record)
                _records[record.Key] = record;
        }

        _stream.SetLength(start);
        _stream.Seek(start, SeekOrigin.Begin);
    }

    private static JournalRecord? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            JournalRecord? record = JsonSerializer.Deserialize(line, JobJson.Default.JournalRecord);
            return record is { Key: not null, Kind: not null, Outputs: not null } ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
