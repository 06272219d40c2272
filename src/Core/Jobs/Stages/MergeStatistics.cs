using System.Text;
using QuantCluster.Calibration;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// Work item: the statistics of some tensors over all blocks of samples, counted in the plan's order. An item reads
/// every block, if only its own tensors of it, so there are few of them, and none where there is little to merge or no one to help.
/// </summary>
internal sealed class MergeStatistics(JobValues values) : IWorkHandler
{
    public const string KindName = "merge-statistics";

    /// <summary>Bytes of all blocks from which on merging is work for others: below, it takes the coordinator five seconds at most.</summary>
    public const long WorthSpreading = 256L << 20;

    /// <summary>Items at most: each checks the bytes of all blocks, which takes a twentieth of what reading and merging them does.</summary>
    private const int MostItems = 8;

    public string Kind => KindName;

    /// <param name="tensors">How many each block has.</param>
    /// <param name="tool">The program.</param>
    /// <param name="blocks">What <see cref="PutAsync"/> gave.</param>
    public static WorkItem[] ItemsOf(int tensors, string tool, BlobId blocks)
    {
        int size = Math.Max(1, (tensors + MostItems - 1) / MostItems);
        return [.. SampleRange.Blocks(tensors, size).Select(some => new WorkItem(KindName, some, tool, blocks.Value))];
    }

    /// <summary>The blocks' names, in the order they are merged in, as a value of its own: a thousand names are no message.</summary>
    public static ValueTask<BlobId> PutAsync(IBlobStore blobs, IReadOnlyList<BlobId> blocks, CancellationToken cancellation) =>
        blobs.PutAsync(Encoding.ASCII.GetBytes(string.Join('\n', blocks.Select(b => b.Value))), cancellation);

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        Range tensors = SampleRange.Parse(item.Argument);
        string blocks = Encoding.ASCII.GetString(await values.Blobs.GetAsync(BlobId.Parse(item.Inputs[1]), cancellation));
        using MemoryStream stream = new();
        StatisticsFile.Write(await MergeAsync(values.Blobs, [.. blocks.Split('\n').Select(BlobId.Parse)], tensors, cancellation), stream);
        return stream.ToArray();
    }

    /// <summary>Merges in block order: the sums' bits do not depend on who finished first. The next block is read meanwhile.</summary>
    /// <param name="blobs">Where the blocks are.</param>
    /// <param name="blocks">At least one.</param>
    /// <param name="tensors">Which of each block's tensors.</param>
    /// <param name="cancellation">Looked at before every block.</param>
    public static async Task<CalibrationStatistics> MergeAsync(IBlobStore blobs, IReadOnlyList<BlobId> blocks, Range tensors, CancellationToken cancellation)
    {
        CalibrationStatistics? total = null;
        Task<CalibrationStatistics> next = ReadAsync(blocks[0]);
        for (int i = 0; i < blocks.Count; i++)
        {
            CalibrationStatistics statistics = await next;
            if (i + 1 < blocks.Count)
                next = ReadAsync(blocks[i + 1]);
            total = total is null ? statistics : CalibrationStatistics.Merge(total, statistics);
        }

        return total!;

        Task<CalibrationStatistics> ReadAsync(BlobId block) =>
            Task.Run(async () => StatisticsFile.Read(await blobs.GetAsync(block, cancellation), tensors), cancellation);
    }
}
