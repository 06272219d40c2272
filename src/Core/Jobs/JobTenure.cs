namespace QuantCluster.Jobs;

/// <summary>
/// The time for which a coordinator has a job of a cluster: a folder of its own in the job's
/// (<c>coordinators/TOKEN/</c>), where everything it shows to others lies before it is renamed to its place. Whoever
/// comes after takes that folder away first. So a coordinator that was asleep (stopped, or out of reach) after whatever
/// check, up to the very last rename, changes nothing any more: what it would rename is not there.
/// </summary>
public sealed class JobTenure : IDisposable
{
    private const string Ended = ".over";

    private readonly string _folder;

    private JobTenure(string folder)
    {
        _folder = folder;
        Files = new OutputFiles(folder);
    }

    /// <summary>Writes what others read, as long as the tenure lasts.</summary>
    public OutputFiles Files { get; }

    /// <summary>Whether another has begun.</summary>
    public bool IsOver => !Directory.Exists(_folder);

    /// <summary>Begins, and ends everybody else's: when it returns no one else can change what others see of the job.</summary>
    /// <param name="job">The job's folder.</param>
    /// <exception cref="QuantException">The folder cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static JobTenure Begin(string job)
    {
        string all = Path.Combine(job, "coordinators"), own = Path.Combine(all, Guid.NewGuid().ToString("N"));
        try
        {
            Directory.CreateDirectory(own);
            foreach (string other in Directory.GetDirectories(all).Where(f => f != own))
                End(other);
            return new JobTenure(own);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{own}: cannot be made: {e.Message}", e);
        }
    }

    /// <summary>A file of its own that no one else sees.</summary>
    internal string NewFile() => Files.StagedFile();

    public void Dispose() => Remove(_folder);

    /// <summary>By a rename: from then on no path leads to what it holds, whoever is just writing there.</summary>
    private static void End(string other)
    {
        string ended = other;
        if (!other.EndsWith(Ended, StringComparison.Ordinal))
        {
            ended += Ended;
            try
            {
                Directory.Move(other, ended);
            }
            catch (DirectoryNotFoundException)
            {
                // It has just ended by itself.
                return;
            }
        }

        Remove(ended);
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone, or still being written to: the next coordinator removes it.
        }
    }
}
