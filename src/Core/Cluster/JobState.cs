using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuantCluster.Cluster;

/// <summary>Where a job of a store stands.</summary>
public enum JobPhase
{
    /// <summary>No one has begun it.</summary>
    Queued,

    /// <summary>A coordinator works on it; where that one died, another goes on.</summary>
    Running,

    /// <summary>Something outside of it stands in the way (a full disk): it is tried again by itself.</summary>
    Waiting,

    /// <summary>The model is there to be fetched.</summary>
    Finished,

    /// <summary>It cannot be done, or a gate was not met; <see cref="JobState.Message"/> says why.</summary>
    Failed,

    Cancelled,
}

/// <summary>How a job stands: the content of <c>state.json</c>, written by its coordinator for people and clients to read.</summary>
public sealed record JobState
{
    public required JobPhase Phase { get; init; }

    /// <summary>The engine it was submitted to.</summary>
    public required string Engine { get; init; }

    /// <summary>Name of the model's file.</summary>
    public required string Model { get; init; }

    public required DateTimeOffset Submitted { get; init; }

    /// <summary>When the phase began, by the clock of who wrote it.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Who runs it.</summary>
    public string? Coordinator { get; init; }

    /// <summary>How many coordinators it has had: more than one where some died.</summary>
    public int Coordinators { get; init; }

    public string? Stage { get; init; }

    /// <summary>Steps of the stage that are finished.</summary>
    public int Done { get; init; }

    /// <summary>Steps of the stage.</summary>
    public int Total { get; init; }

    /// <summary>What of the stage is being done, e.g. the layer the search decides.</summary>
    public string? Detail { get; init; }

    /// <summary>Steps a second since the stage began.</summary>
    public double Rate { get; init; }

    /// <summary>Cluster members that took part when this was written.</summary>
    public int Workers { get; init; }

    /// <summary>Least error of the whole model that the search has found so far; null before it.</summary>
    public double? BestError { get; init; }

    /// <summary>Why it waits or failed.</summary>
    public string? Message { get; init; }

    /// <summary>What <c>quant run</c> would have ended with; set once it is over.</summary>
    public ExitCode? Code { get; init; }

    public bool IsOver => Phase is JobPhase.Finished or JobPhase.Failed or JobPhase.Cancelled;

    /// <summary>For programs: one line, the members of <c>state.json</c> behind the job's id.</summary>
    public string ToJson(string job)
    {
        JsonObject line = new() { ["job"] = job };
        foreach ((string name, JsonNode? value) in JsonSerializer.SerializeToNode(this, ClusterJson.Default.JobState)!.AsObject())
            line[name] = value?.DeepClone();
        return line.ToJsonString();
    }
}
