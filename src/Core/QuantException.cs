namespace QuantCluster;

/// <summary>The exit code a failure ends the process with; documented in <c>docs/cli.md</c>.</summary>
public enum ExitCode
{
    Success = 0,

    /// <summary>A bug of ours: anything that is not one of the others.</summary>
    InternalError = 1,

    /// <summary>The command line itself is wrong.</summary>
    Usage = 2,

    /// <summary>The model cannot be read, or is not one that can be quantized.</summary>
    BadModel = 3,

    /// <summary>The data or its spec does not fit the model.</summary>
    BadData = 4,

    /// <summary>The output or the job directory cannot be written.</summary>
    CannotWrite = 5,

    /// <summary>A gate or constraint (<c>--min-sqnr</c>, <c>--max-drop</c>, <c>--max-latency</c>, <c>--max-size</c>) was not met.</summary>
    GateNotMet = 6,

    /// <summary>An engine or package that this build or machine does not have.</summary>
    Unavailable = 7,

    /// <summary>No quantized model is as fast as the float model on this machine (<c>--speed</c>): there is nothing to write.</summary>
    FloatIsBest = 8,

    /// <summary>Stopped by the user (Ctrl+C); the job can be resumed.</summary>
    Cancelled = 130,
}

/// <summary>
/// A failure that a person can act on. The message says what was wrong, where, and what to do next;
/// it is printed as it stands, never with a stack trace.
/// </summary>
public sealed class QuantException : Exception
{
    public QuantException(ExitCode code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    public ExitCode Code { get; }
}
