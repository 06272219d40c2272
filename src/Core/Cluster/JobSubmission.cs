using System.Text.Json;
using System.Text.Json.Nodes;
using QuantCluster.Data;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>
/// Packs a job into a store: model and data are copied under the hash of their content, once however many jobs use
/// them, and the job names them by paths within the store. Nothing of the client's machine is needed afterwards.
/// </summary>
public sealed class JobSubmission(JobStore store)
{
    /// <summary>Stores a job.</summary>
    /// <param name="request">With the client's own paths; <see cref="JobSpecification.Output"/> only says the result's name.</param>
    /// <param name="engine">Who is meant to do it.</param>
    /// <param name="now">The time it is submitted.</param>
    /// <returns>The job; it waits in the store for someone to do it.</returns>
    /// <exception cref="QuantException">The store cannot be written, or an input changed while it was copied.</exception>
    public StoredJob Submit(JobSpecification request, string engine, DateTimeOffset now)
    {
        JobSpecification stored = request with
        {
            Model = Pack(request.Model, CopyModel),
            Data = request.Data is { } data ? Pack(data, CopyData) : null,
            Evaluation = request.Evaluation is { } evaluation ? Pack(evaluation, CopyData) : null,
            Statistics = request.Statistics is { } statistics ? Pack(statistics, (path, folder) => CopyFile(path, folder, Path.GetFileName(path))) : null,
            Output = $"result/{Path.GetFileName(request.Output)}",
            Report = "report",
        };
        StoredJob job = new(store, JobStore.NewId(request.Model.Path));
        Directory.CreateDirectory(job.Folder);
        job.Write(new JobState { Phase = JobPhase.Queued, Engine = engine, Model = Path.GetFileName(request.Model.Path), Submitted = now, Since = now });

        // Last: with this file it is a job.
        AtomicFile.Write(Path.Combine(job.Folder, "job.json"), stored.ToBytes());
        return job;
    }

    /// <summary>Copies one input to <c>inputs/HASH/</c>, where it is not there yet.</summary>
    /// <returns>The same hash, and the path from the job's folder.</returns>
    private JobInput Pack(JobInput input, Func<string, string, string> copy)
    {
        string place = Path.Combine(store.Inputs, input.Sha256), marker = Path.Combine(place, "packed");
        if (!File.Exists(marker))
        {
            string unfinished = Path.Combine(store.Inputs, $"unfinished-{Guid.NewGuid():N}");
            try
            {
                Directory.CreateDirectory(unfinished);
                File.WriteAllText(Path.Combine(unfinished, "packed"), copy(input.Path, unfinished));
                if (Directory.Exists(place))
                    Directory.Delete(place, recursive: true);
                Directory.Move(unfinished, place);
                AtomicFile.FlushDirectory(store.Inputs);
            }
            catch (IOException) when (File.Exists(marker))
            {
                // Another client packed the same at the same time.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new QuantException(ExitCode.CannotWrite, $"{store.Root}: {input.Path} cannot be copied into the job store: {e.Message}", e);
            }
            finally
            {
                if (Directory.Exists(unfinished))
                    Directory.Delete(unfinished, recursive: true);
            }
        }

        return new JobInput($"../../inputs/{input.Sha256}/{File.ReadAllText(marker)}", input.Sha256);
    }

    /// <returns>The name of what the job is to open, in <paramref name="folder"/>.</returns>
    private static string CopyModel(string path, string folder)
    {
        string name = CopyFile(path, folder, Path.GetFileName(path));
        string from = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (string location in ModelFiles.ExternalOf(path))
            CopyFile(Path.Combine(from, location), folder, location);
        return name;
    }

    private static string CopyData(string path, string folder)
    {
        if (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            return CopyAny(path, folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));

        JsonObject spec = JsonNode.Parse(File.ReadAllBytes(path), null, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip })!.AsObject();
        Dictionary<string, string> copied = [];
        spec.Remove("model");
        foreach (string member in new[] { "labels", "dictionary" })
        {
            if (spec[member] is { } value)
                spec[member] = Copied(value.GetValue<string>());
        }

        foreach (JsonObject input in spec["inputs"]!.AsObject().Select(i => i.Value!.AsObject()))
            input["file"] = Copied(input["file"]!.GetValue<string>());
        File.WriteAllText(Path.Combine(folder, "spec.json"), spec.ToJsonString());
        return "spec.json";

        string Copied(string relative)
        {
            string full = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, relative));
            if (!copied.TryGetValue(full, out string? to))
                copied[full] = to = CopyAny(full, folder, $"files/{copied.Count}/{Path.GetFileName(Path.TrimEndingDirectorySeparator(full))}");
            return to;
        }
    }

    private static string CopyAny(string path, string folder, string name)
    {
        if (!Directory.Exists(path))
            return CopyFile(path, folder, name);
        foreach (string file in DataFile.In(path, "*"))
            CopyFile(file, folder, Path.Combine(name, Path.GetRelativePath(path, file)));
        return name;
    }

    private static string CopyFile(string path, string folder, string name)
    {
        string target = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        using FileStream source = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        using FileStream stream = new(target, FileMode.CreateNew, FileAccess.Write);
        source.CopyTo(stream);
        stream.Flush(flushToDisk: true);
        return name;
    }
}
