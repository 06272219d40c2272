using Microsoft.Extensions.Logging;
using QuantCluster.Cluster;

namespace QuantCluster.Grains;

internal sealed partial class CoordinatorGrain
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: goes on; taken up again {Restarts} times.")]
    private partial void LogGoingOn(string job, int restarts);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: {Phase}. {Message}")]
    private partial void LogEnd(string job, JobPhase phase, string message);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: left to another silo ({Reason}).")]
    private partial void LogFarewell(string job, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Job}: its run could not be begun or ended; it is tried again.")]
    private partial void LogFailure(Exception exception, string job);
}
