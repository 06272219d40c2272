using System.Globalization;
using System.Security.Cryptography;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>
/// The folder that a cluster and its clients share: <c>jobs/ID/</c> (each a <see cref="JobDirectory"/>) and
/// <c>inputs/HASH/</c> (models and data by content, never changed). It is the whole truth about every job: servers
/// hold nothing that cannot be made again from it. All paths in it are relative, so that every machine may see it elsewhere.
/// </summary>
public sealed class JobStore
{
    private const int LongestName = 40;

    private JobStore(string root) => Root = root;

    /// <summary>Absolute path of the folder.</summary>
    public string Root { get; }

    public string Jobs => Path.Combine(Root, "jobs");

    public string Inputs => Path.Combine(Root, "inputs");

    /// <summary>Opens the store, and makes it where it is not there yet.</summary>
    /// <exception cref="QuantException">The folder cannot be made or written.</exception>
    public static JobStore Open(string root)
    {
        JobStore store = new(Path.GetFullPath(root));
        try
        {
            Directory.CreateDirectory(store.Jobs);
            Directory.CreateDirectory(store.Inputs);
            return store;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{root}: the job store cannot be made: {e.Message} Choose another --store.", e);
        }
    }

    /// <summary>A new job's id: what a person can recognize, and chance.</summary>
    public static string NewId(string model)
    {
        string name = string.Concat(Path.GetFileNameWithoutExtension(model).ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return string.Create(CultureInfo.InvariantCulture, $"{(name.Length > LongestName ? name[..LongestName] : name)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
    }

    /// <summary>Every job of the store, by id.</summary>
    public IReadOnlyList<StoredJob> All() =>
        [.. Directory.EnumerateDirectories(Jobs).Select(f => Path.GetFileName(f)).Where(IsId).Order(StringComparer.Ordinal).Select(id => new StoredJob(this, id)).Where(j => j.Exists)];

    /// <summary>One job.</summary>
    /// <param name="id">Its id, or the beginning of it, where only one begins so.</param>
    /// <exception cref="QuantException">There is no such job, or more than one.</exception>
    public StoredJob Find(string id)
    {
        if (IsId(id) && new StoredJob(this, id) is { Exists: true } exact)
            return exact;
        StoredJob[] found = [.. All().Where(j => j.Id.StartsWith(id, StringComparison.Ordinal))];
        return found switch
        {
            [var one] => one,
            [] => throw new QuantException(ExitCode.Usage, $"{id}: there is no such job in {Root}. 'quant jobs' lists them."),
            _ => throw new QuantException(ExitCode.Usage, $"{id}: {found.Length} jobs begin so: {string.Join(", ", found.Select(j => j.Id))}."),
        };
    }

    /// <summary>Whether a text may be a job's id: it becomes the name of a folder, and of keys on servers.</summary>
    public static bool IsId(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && text[0] != '-';
}
