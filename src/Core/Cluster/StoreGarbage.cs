using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>What a collection removed.</summary>
/// <param name="Blobs">Values no journal names.</param>
/// <param name="Inputs">Models and datasets no job names.</param>
/// <param name="Unfinished">What killed processes left half written.</param>
/// <param name="Bytes">Size of it all.</param>
public sealed record CollectedGarbage(int Blobs, int Inputs, int Unfinished, long Bytes);

/// <summary>
/// Removes what nothing leads to any more. Jobs that are being worked on are left alone, and so is what is younger
/// than the grace time: it may belong to a job that is just being submitted.
/// </summary>
public static class StoreGarbage
{
    public static CollectedGarbage Collect(JobStore store, TimeSpan grace, TimeProvider time, bool remove)
    {
        DateTime before = (time.GetUtcNow() - grace).UtcDateTime;
        int blobs = 0, inputs = 0, unfinished = 0;
        long bytes = 0;
        HashSet<string> used = [];
        foreach (StoredJob job in store.All())
        {
            foreach (string path in InputsOf(job))
                used.Add(path);
            if (!job.ReadState().IsOver)
                continue;
            HashSet<string> named = BlobsOf(job);
            foreach (string file in Files(Path.Combine(job.Folder, "blobs")))
            {
                bool half = Path.GetFileName(Path.GetDirectoryName(file)) == "unfinished";
                if (named.Contains(Path.GetFileName(file)) || File.GetLastWriteTimeUtc(file) >= before)
                    continue;
                (blobs, unfinished) = half ? (blobs, unfinished + 1) : (blobs + 1, unfinished);
                bytes += Delete(file);
            }
        }

        foreach (string folder in Directory.EnumerateDirectories(store.Inputs))
        {
            string name = Path.GetFileName(folder);
            if (used.Contains(name) || Directory.GetLastWriteTimeUtc(folder) >= before)
                continue;
            (inputs, unfinished) = name.StartsWith("unfinished-", StringComparison.Ordinal) ? (inputs, unfinished + 1) : (inputs + 1, unfinished);
            bytes += Files(folder).Sum(f => new FileInfo(f).Length);
            if (remove)
                Directory.Delete(folder, recursive: true);
        }

        return new CollectedGarbage(blobs, inputs, unfinished, bytes);

        long Delete(string file)
        {
            long length = new FileInfo(file).Length;
            if (remove)
                File.Delete(file);
            return length;
        }
    }

    private static IEnumerable<string> InputsOf(StoredJob job)
    {
        JobSpecification specification = JobDirectory.ReadSpecification(job.Folder);
        return new[] { specification.Model, specification.Data, specification.Evaluation, specification.Statistics }.OfType<JobInput>().Select(i => i.Sha256);
    }

    private static HashSet<string> BlobsOf(StoredJob job)
    {
        using Journal journal = Journal.Open(Path.Combine(job.Folder, "journal.jsonl"));
        return [.. journal.Records.SelectMany(r => r.Outputs.Values)];
    }

    private static IEnumerable<string> Files(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) : [];
}
