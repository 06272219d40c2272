namespace QuantCluster.Jobs;

/// <summary>
/// The folder that is the job: <c>job.json</c> (what is asked), <c>journal.jsonl</c> (what is finished) and
/// <c>blobs/</c> (every value in between, by content). Everything else can be made again from it.
/// One process at a time works on it: the system's file lock is held while it is open and ends with the process.
/// </summary>
public sealed class JobDirectory : IDisposable
{
    private readonly FileStream _lock;

    private JobDirectory(string path, JobSpecification specification, FileStream @lock, Journal journal, OutputFiles outputs)
    {
        Path = path;
        Specification = specification;
        _lock = @lock;
        Blobs = new FolderBlobStore(System.IO.Path.Combine(path, "blobs"));
        Blobs.DiscardUnfinished();
        Journal = journal;
        Outputs = outputs;
    }

    /// <summary>Absolute path of the folder.</summary>
    public string Path { get; }

    public JobSpecification Specification { get; }

    public FolderBlobStore Blobs { get; }

    public Journal Journal { get; }

    /// <summary>Writes what others read: the model, the report.</summary>
    public OutputFiles Outputs { get; }

    /// <summary>
    /// Starts a job in a new or empty folder, or goes on in the folder of a job of the same model: finished work
    /// whose inputs did not change is used again, whatever other settings differ.
    /// </summary>
    /// <exception cref="QuantException">
    /// The folder is another model's job, holds other files, is in use, or cannot be written.
    /// </exception>
    public static JobDirectory Create(string path, JobSpecification specification)
    {
        string full = System.IO.Path.GetFullPath(path);
        string file = System.IO.Path.Combine(full, "job.json");
        if (File.Exists(file))
        {
            JobSpecification there = JobSpecification.Parse(File.ReadAllBytes(file), file);
            if (there.Model.Sha256 != specification.Model.Sha256)
                throw new QuantException(ExitCode.Usage, $"{full}: holds the job of another model ({there.Model.Path}). Choose another --job folder, or remove this one.");
            if ((there.Sensitivity is null) != (specification.Sensitivity is null))
                throw new QuantException(ExitCode.Usage, $"{full}: holds a job of 'quant {(there.Sensitivity is null ? "run" : "sensitivity")}'. Choose another --job folder.");
        }
        else if (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any(e => System.IO.Path.GetFileName(e) is not ("lock" or "report") && !TemporaryFile.IsOf(file, e)))
        {
            throw new QuantException(ExitCode.Usage, $"{full}: is not empty and holds no job. Choose another --job folder.");
        }

        FileStream @lock = Enter(full);
        try
        {
            AtomicFile.Write(file, specification.ToBytes());
            return new JobDirectory(full, specification, @lock, Journal.Open(JournalIn(full)), OutputFiles.InPlace);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Like <see cref="Create"/>, but clears away the job of another model: for folders whose name the program chose.
    /// </summary>
    public static JobDirectory CreateAnew(string path, JobSpecification specification)
    {
        string file = System.IO.Path.Combine(path, "job.json");
        if (File.Exists(file) && !IsOf(specification.Model, file))
        {
            using (Enter(path))
            {
                Directory.Delete(System.IO.Path.Combine(path, "blobs"), recursive: true);
                File.Delete(JournalIn(path));
                File.Delete(file);
            }
        }

        return Create(path, specification);
    }

    /// <summary>What an existing job is asked to do; others may work on it.</summary>
    /// <exception cref="QuantException">There is no job.</exception>
    public static JobSpecification ReadSpecification(string path)
    {
        string full = System.IO.Path.GetFullPath(path);
        string file = System.IO.Path.Combine(full, "job.json");
        if (!File.Exists(file))
            throw new QuantException(ExitCode.Usage, $"{full}: holds no job (no job.json). 'quant run' starts one.");
        return JobSpecification.Parse(File.ReadAllBytes(file), file).In(full);
    }

    /// <summary>Opens an existing job.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="tool">The program that goes on with it; null for the one that made it.</param>
    /// <exception cref="QuantException">There is no job, or another process works on it.</exception>
    public static JobDirectory Open(string path, string? tool = null)
    {
        string full = System.IO.Path.GetFullPath(path);
        _ = ReadSpecification(full);
        FileStream @lock = Enter(full);
        try
        {
            JobSpecification specification = ReadSpecification(full);
            return new JobDirectory(full, specification with { Tool = tool ?? specification.Tool }, @lock, Journal.Open(JournalIn(full)), OutputFiles.InPlace);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens a job whose last owner may still believe it his: he was asleep past his lease, or out of reach. His lock
    /// and his journal are left to him as files without a name, so that nothing he still writes is ever read. Only for
    /// those to whom a cluster has given the job.
    /// </summary>
    /// <param name="path">The job's folder.</param>
    /// <param name="tool">The program that goes on with it.</param>
    /// <param name="tenure">Begun before: every step is a rename out of its folder, so that whose tenure has ended since changes nothing.</param>
    /// <exception cref="QuantException">There is no job, the tenure is over, or the folder cannot be written.</exception>
    public static JobDirectory TakeOver(string path, string tool, JobTenure tenure)
    {
        string full = System.IO.Path.GetFullPath(path);
        JobSpecification specification = ReadSpecification(full) with { Tool = tool };
        tenure.Files.Write(System.IO.Path.Combine(full, "lock"), []);
        FileStream @lock = Enter(full);
        try
        {
            return new JobDirectory(full, specification, @lock, Journal.Replace(JournalIn(full), tenure.NewFile()), tenure.Files);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>Whether all that a record names is there and is what it was.</summary>
    public async ValueTask<bool> IsIntactAsync(JournalRecord record, CancellationToken cancellation)
    {
        foreach (string blob in record.Outputs.Values)
        {
            if (!await Blobs.IsIntactAsync(BlobId.Parse(blob), cancellation))
                return false;
        }

        return true;
    }

    public void Dispose()
    {
        Journal.Dispose();
        _lock.Dispose();
    }

    private static string JournalIn(string path) => System.IO.Path.Combine(path, "journal.jsonl");

    private static bool IsOf(JobInput model, string file)
    {
        try
        {
            return JobSpecification.Parse(File.ReadAllBytes(file), file).Model.Sha256 == model.Sha256;
        }
        catch (QuantException)
        {
            return false;
        }
    }

    private static FileStream Enter(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the job folder cannot be made: {e.Message}", e);
        }

        try
        {
            return new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the job folder cannot be written to. Change its permissions, or choose another --job.", e);
        }
        catch (IOException e)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: another process works on this job. Wait for it, or stop it first.", e);
        }
    }
}
