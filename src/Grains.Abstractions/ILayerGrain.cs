using Orleans.Concurrency;

namespace QuantCluster.Grains;

/// <summary>
/// A layer of a job, or a few that change together. It has two tasks, under two kinds of key:
/// <list type="bullet">
/// <item>
/// <b>job / layers</b> watches over what is tried for the layers. A candidate's blocks go out from here to the shards that score them
/// (<see cref="ScoreAsync"/>), its corrections to who keeps the Hessians (<see cref="CorrectAsync"/>). It knows what is under way and
/// what was answered lately, whoever asked for it: a coordinator that takes the job up after another's death joins the
/// one, and is given the other again. It does no work of its own.
/// </item>
/// <item>
/// <b>job / kind / layers # lane</b> does work, as shards do (<see cref="IWorkGrain.ExecuteAsync"/>): what is done layer by layer from
/// evidence of all shards. It merges statistics, makes ranges of them, corrects layers, and keeps from one item to the
/// next what that takes, such as Hessians.
/// </item>
/// </list>
/// </summary>
[Alias("QuantCluster.ILayerGrain")]
public interface ILayerGrain : IWorkGrain
{
    /// <summary>
    /// Has a block of a candidate scored by the shard chosen for it. An answer that says <see cref="WorkAnswer.IsLost"/> means that the
    /// shard or its silo is gone: another is to be chosen. Who asked last decides whether it is cancelled; who only goes away leaves it running.
    /// </summary>
    [Alias("Score"), ResponseTimeout("06:00:00")]
    Task<WorkAnswer> ScoreAsync(CandidateOrder order, CancellationToken cancellation);

    /// <summary>Likewise has layers of a candidate corrected, by the grain of them chosen for it.</summary>
    [Alias("Correct"), ResponseTimeout("06:00:00")]
    Task<WorkAnswer> CorrectAsync(CandidateOrder order, CancellationToken cancellation);

    /// <summary>How it is.</summary>
    [Alias("Describe"), AlwaysInterleave, ResponseTimeout("00:00:10")]
    Task<LayerDescription> DescribeAsync();
}

/// <summary>What a layer's grain has watched over since it came.</summary>
/// <param name="Silo">Name of its silo.</param>
/// <param name="SentOut">Items sent to the grains chosen for them.</param>
/// <param name="Joined">Items asked for while they were under way.</param>
/// <param name="GivenAgain">Items asked for that had been answered lately.</param>
/// <param name="UnderWay">Items under way now.</param>
[GenerateSerializer, Immutable, Alias("QuantCluster.LayerDescription")]
public sealed record LayerDescription(
    [property: Id(0)] string Silo, [property: Id(1)] int SentOut, [property: Id(2)] int Joined, [property: Id(3)] int GivenAgain, [property: Id(4)] int UnderWay);
