using System.Globalization;
using System.Text;

namespace QuantCluster.Cluster;

/// <summary>Appends to a job's <c>log.txt</c>: when, who, what. Losing a line loses nothing.</summary>
public sealed class JobLog(StoredJob job, string author, TimeProvider time)
{
    private readonly Lock _lock = new();

    public void Add(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {author}: {line.ReplaceLineEndings(" ")}\n"));
        lock (_lock)
        {
            try
            {
                using FileStream stream = new(job.LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                stream.Write(bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full disk must not end the job.
            }
        }
    }
}
