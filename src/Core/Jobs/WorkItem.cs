namespace QuantCluster.Jobs;

/// <summary>
/// A piece of work that can be done anywhere, any number of times: a pure function of its argument and of the
/// job's content-addressed inputs. It is plain data, so that it can be sent.
/// </summary>
public sealed record WorkItem
{
    /// <param name="kind">Names the <see cref="IWorkHandler"/> that does it, e.g. <c>calibrate-block</c>.</param>
    /// <param name="argument">Which part of the stage: a block's number, a tensor's name.</param>
    /// <param name="inputs">Everything else the result depends on: hashes of values and settings.</param>
    public WorkItem(string kind, string argument, params IReadOnlyList<string> inputs)
    {
        Kind = kind;
        Argument = argument;
        Inputs = inputs;
        Key = ContentHash.Of([kind, argument, .. inputs]);
    }

    public string Kind { get; }

    public string Argument { get; }

    public IReadOnlyList<string> Inputs { get; }

    /// <summary>Hash of all of the above: equal keys, equal results.</summary>
    public string Key { get; }

    /// <summary>
    /// Names of what a worker that does it may find warm, or leave warm for others: what most of the work is saved by comes
    /// first. Only where the item is done best, not what it is: no part of the key.
    /// </summary>
    public IReadOnlyList<string> Affinity { get; init; } = [];

    /// <summary>
    /// Ids of the layers whose candidate it judges or corrects; empty where it is about none in particular. Who watches over it may go
    /// by that; no part of the key either.
    /// </summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>Whether others go before it: nothing waits for its result for a while. No part of the key.</summary>
    public bool CanWait { get; init; }
}

/// <summary>Why an item has no result.</summary>
public sealed record WorkFailure(ExitCode Code, string Message);

/// <summary>What became of an item.</summary>
/// <param name="Item">The item.</param>
/// <param name="Bytes">Its result; empty when it failed.</param>
/// <param name="Failure">Null when it succeeded.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Elapsed">Time of the attempt that succeeded.</param>
public sealed record WorkResult(WorkItem Item, ReadOnlyMemory<byte> Bytes, WorkFailure? Failure, int Attempts, TimeSpan Elapsed);
