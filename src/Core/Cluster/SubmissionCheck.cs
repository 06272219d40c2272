using QuantCluster.Data;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>
/// A job in a store may have been put there by anyone who can write to it, so a worker trusts none of it: every path
/// must stay in the store, no link may lead out of it, and sizes are looked at before anything is read.
/// </summary>
public static class SubmissionCheck
{
    /// <summary>Refuses what is no honest submission.</summary>
    /// <exception cref="QuantException">What is wrong, and where.</exception>
    public static void Require(StoredJob job, SubmissionLimits limits)
    {
        string file = Path.Combine(job.Folder, "job.json");
        RequireNoLink(job.Folder, job.Store.Root);
        RequireSize(file, [file], limits.Specification, ExitCode.Usage);
        JobSpecification specification = JobSpecification.Parse(File.ReadAllBytes(file), file);
        RequireInside(file, "output", Resolve(file, specification.Output), job.Folder);
        if (specification.Report is { } report)
            RequireInside(file, "report", Resolve(file, report), job.Folder);
        RequireModel(Input(file, "model", specification.Model, job.Store), limits);
        if (specification.Data is { } data)
            RequireData(Input(file, "data", data, job.Store), limits);
        if (specification.Evaluation is { } evaluation)
            RequireData(Input(file, "evaluation", evaluation, job.Store), limits);
        if (specification.Statistics is { } statistics)
        {
            string path = Input(file, "statistics", statistics, job.Store);
            RequireSize(path, [path], limits.Statistics, ExitCode.BadData);
        }
    }

    private static void RequireModel(string path, SubmissionLimits limits)
    {
        RequireSize(path, [path], Math.Min(limits.Model, int.MaxValue), ExitCode.BadModel);
        string folder = Path.GetDirectoryName(path)!;
        List<string> files = [path];
        foreach (string location in ModelFiles.ExternalOf(path))
        {
            string external = Path.GetFullPath(Path.Combine(folder, location));
            RequireInside(path, $"its data file {location}", external, folder);
            files.Add(external);
        }

        RequireSize(path, files, limits.Model, ExitCode.BadModel);
    }

    private static void RequireData(string path, SubmissionLimits limits)
    {
        string folder = Path.GetDirectoryName(path)!;
        if (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            RequireSize(path, FilesOf(path, folder), limits.Data, ExitCode.BadData);
            return;
        }

        RequireNoLink(path, folder);
        DatasetSpec spec = DatasetSpec.Load(path);
        IEnumerable<string?> named = [.. spec.Inputs.Values.Select(i => i.File), spec.Labels, spec.Dictionary];
        List<string> files = [path];
        foreach (string name in named.OfType<string>().Distinct())
        {
            RequireInside(path, name, name, folder);
            files.AddRange(FilesOf(name, folder));
        }

        RequireSize(path, files, limits.Data, ExitCode.BadData);
    }

    private static string[] FilesOf(string path, string folder)
    {
        RequireNoLink(path, folder);
        string[] files = Directory.Exists(path) ? DataFile.In(path, "*") : [path];
        foreach (string file in files)
            RequireNoLink(file, folder);
        return files;
    }

    /// <returns>The input's absolute path, in <c>inputs/</c> of the store.</returns>
    private static string Input(string file, string member, JobInput input, JobStore store)
    {
        string path = Resolve(file, input.Path);
        RequireInside(file, member, path, store.Inputs);
        return path;
    }

    private static string Resolve(string file, string path) => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path));

    private static void RequireInside(string file, string what, string path, string folder)
    {
        if (!path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new QuantException(ExitCode.Usage, $"{file}: {what} lies outside of {folder}, which is refused. Submit the job with 'quant submit'.");
        RequireNoLink(path, folder);
    }

    /// <summary>Every step from the folder down to the path must be a real folder or file.</summary>
    private static void RequireNoLink(string path, string folder)
    {
        for (string? at = path; at is not null && at.Length > folder.Length; at = Path.GetDirectoryName(at))
        {
            if (new FileInfo(at).LinkTarget is not null)
                throw new QuantException(ExitCode.Usage, $"{at}: is a link, which a submission may not contain. Submit the job with 'quant submit'.");
        }
    }

    private static void RequireSize(string name, IEnumerable<string> files, long limit, ExitCode code)
    {
        long bytes = files.Sum(f => new FileInfo(f) is { Exists: true } info
            ? info.Length
            : throw new QuantException(code, $"{f}: no such file."));
        if (bytes > limit)
            throw new QuantException(code, $"{name}: {bytes} bytes, more than the {limit} that a submission may have.");
    }
}
