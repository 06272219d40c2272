using Microsoft.Extensions.Logging;

namespace QuantCluster.Grains;

internal sealed partial class CoordinatorGrain
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: goes on for the {Restarts}. time, in {Folder}.")]
    private partial void LogGoingOn(string job, int restarts, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: {Phase}. {Failure}")]
    private partial void LogEnd(string job, JobPhase phase, string failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: left to another silo ({Reason}).")]
    private partial void LogFarewell(string job, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Job}: internal error.")]
    private partial void LogFailure(Exception exception, string job);
}
