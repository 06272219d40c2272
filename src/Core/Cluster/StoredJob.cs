using System.Text.Json;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>One job of a store: its state, its log, its result. Anyone may read; only its coordinator writes the state.</summary>
public sealed class StoredJob(JobStore store, string id)
{
    /// <summary>Its id; also the name of its folder.</summary>
    public string Id => id;

    public JobStore Store => store;

    public string Folder { get; } = Path.Combine(store.Jobs, id);

    /// <summary>Whether there is such a job.</summary>
    public bool Exists => File.Exists(Path.Combine(Folder, "job.json"));

    /// <summary>Whether someone asked to stop it.</summary>
    public bool IsCancelled => File.Exists(CancelFile);

    /// <summary>What <c>quant run --json</c> would have printed; there once it has finished.</summary>
    public string OutcomeFile => Path.Combine(Folder, "outcome.json");

    /// <summary>What happened, a line each, for people.</summary>
    public string LogFile => Path.Combine(Folder, "log.txt");

    private string StateFile => Path.Combine(Folder, "state.json");

    private string CancelFile => Path.Combine(Folder, "cancel");

    /// <summary>How it stands.</summary>
    public JobState ReadState()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(StateFile), ClusterJson.Default.JobState) ?? Unknown();
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return Unknown();
        }
    }

    /// <summary>Its result; null before it has finished.</summary>
    public JobOutcome? ReadOutcome()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(OutcomeFile), JobJson.Default.JobOutcome);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Asks for the job to stop; what it has finished is kept.</summary>
    public void Cancel()
    {
        File.WriteAllBytes(CancelFile, []);
        JobState state = ReadState();
        if (state.Phase is JobPhase.Queued or JobPhase.Waiting)
            Write(state with { Phase = JobPhase.Cancelled, Code = ExitCode.Cancelled });
    }

    /// <summary>Replaces the state, whole. A reader finds the old or the new.</summary>
    /// <param name="state">The new one.</param>
    /// <param name="files">Its coordinator's; null for a client.</param>
    /// <exception cref="QuantException">It cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public void Write(JobState state, OutputFiles? files = null) =>
        (files ?? OutputFiles.InPlace).Write(StateFile, JsonSerializer.SerializeToUtf8Bytes(state, ClusterJson.Default.JobState));

    // The state is for people; losing it loses nothing.
    private JobState Unknown() => new()
    {
        Phase = File.Exists(OutcomeFile) ? JobPhase.Finished : JobPhase.Queued,
        Engine = "",
        Model = "",
        Submitted = File.GetCreationTimeUtc(Folder),
    };
}
