using System.Globalization;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>
/// How often a job's items were begun and not ended: each time, whoever did it died with it, or was killed, or hung. Kept
/// in the job's folder (<c>begun/KEY.1</c>, <c>KEY.2</c>, ..., an empty file a beginning, that only one process can have
/// made, however many begin the item at once), because the coordinator may be among the dead. Thread-safe.
/// </summary>
/// <remarks>
/// A failure that is thrown ends an item and is not counted here: see <see cref="IWorkEngine.MaximumAttempts"/>. Machines
/// die of themselves too, so a death alone accuses no item: from the second on it is done alone on its machine, where it
/// takes no other with it and none takes it along; after <see cref="MaximumDeaths"/> no one is given it any more.
/// </remarks>
/// <param name="store">Where the job is.</param>
/// <param name="job">Its id; of what is none, nothing is kept.</param>
public sealed class BegunItems(JobStore store, string job)
{
    /// <summary>An item that so many died with is given to no other.</summary>
    public const int MaximumDeaths = 5;

    /// <summary>An item that so many died with is done alone.</summary>
    private const int Suspicious = 2;

    private readonly string _job = JobStore.IsId(job) ? Path.Combine(store.Jobs, job) : "";

    /// <summary>Whether an item is to be done by itself.</summary>
    public bool IsSuspect(string key) => File.Exists(FileOf(key, Suspicious));

    /// <summary>To be called before an item is begun; <see cref="End"/> when it has ended, however it did.</summary>
    /// <returns>Why it is not to be done; null where it is.</returns>
    public string? Begin(WorkItem item)
    {
        try
        {
            if (!Directory.Exists(_job))
                return null;
            Directory.CreateDirectory(Folder);
            for (int beginning = 1; beginning <= MaximumDeaths; beginning++)
            {
                if (TryMake(FileOf(item.Key, beginning)))
                    return null;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: this beginning is not counted.
            return null;
        }

        return string.Create(CultureInfo.InvariantCulture,
            $"{item.Kind} {item.Argument}: {MaximumDeaths} workers died with it, so it is quarantined: no other is given it. Look into their logs; too little memory for the model is the usual reason.");
    }

    /// <summary>The item has a result, has failed, or is not wanted any more.</summary>
    public void End(WorkItem item)
    {
        try
        {
            // All of them, whatever is missing between: another process may be beginning it just now.
            for (int beginning = 1; beginning <= MaximumDeaths; beginning++)
                File.Delete(FileOf(item.Key, beginning));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Counted once too often, at worst.
        }
    }

    /// <summary>The job is over.</summary>
    public void Clear()
    {
        try
        {
            if (Directory.Exists(Folder))
                Directory.Delete(Folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Empty files are left.
        }
    }

    /// <summary>Only one of all who try at a time succeeds, on a shared file system too: appending to one file would not count so.</summary>
    private static bool TryMake(string file)
    {
        try
        {
            new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0).Dispose();
            return true;
        }
        catch (IOException) when (File.Exists(file))
        {
            return false;
        }
    }

    private string Folder => Path.Combine(_job, "begun");

    private string FileOf(string key, int beginning) => Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{key}.{beginning}"));
}
