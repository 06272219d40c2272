using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace QuantCluster.Jobs;

/// <summary>
/// What a process tells of its work to whoever listens: spans of stages and items, counts and times. Without a listener
/// it costs next to nothing. Names are those of the dashboards under <c>deploy/</c>.
/// </summary>
public static class WorkInstruments
{
    /// <summary>Name of the meter and of the source of spans.</summary>
    public const string Name = "QuantCluster.Jobs";

    private static readonly ActivitySource _source = new(Name);
    private static readonly Meter _meter = new(Name);
    private static readonly Counter<long> _items = _meter.CreateCounter<long>("quantcluster.items", "{item}", "Work items done, by kind and outcome.");
    private static readonly Histogram<double> _duration = _meter.CreateHistogram<double>("quantcluster.item.duration", "s", "Time of a work item, by kind.");
    private static readonly Counter<long> _calibrated = _meter.CreateCounter<long>("quantcluster.calibrated_samples", "{sample}", "Samples run through the tapped model.");
    private static readonly Counter<long> _trials = _meter.CreateCounter<long>("quantcluster.trial_samples", "{sample}", "Samples run through models of trials.");
    private static readonly Counter<long> _lookups = _meter.CreateCounter<long>("quantcluster.cache.lookups", "{lookup}", "Sessions and values asked for, by whether they were warm.");
    private static readonly Histogram<double> _stages = _meter.CreateHistogram<double>("quantcluster.stage.duration", "s", "Time of a stage of a job, by stage.");

    /// <summary>Begins the span of a stage; its time is recorded when it is disposed of.</summary>
    public static StageSpan BeginStage(string stage) => new(stage, _source.StartActivity($"stage {stage}"), Stopwatch.GetTimestamp());

    internal static void AddCalibrated(int samples) => _calibrated.Add(samples);

    internal static void AddTrial(int samples) => _trials.Add(samples);

    /// <param name="cache">What is kept: <c>sessions</c> or <c>values</c>.</param>
    /// <param name="isWarm">It was there.</param>
    internal static void AddLookup(string cache, bool isWarm) =>
        _lookups.Add(1, new KeyValuePair<string, object?>("cache", cache), new KeyValuePair<string, object?>("warm", isWarm ? "yes" : "no"));

    /// <summary>Does an item under a span of its own, and counts it.</summary>
    internal static async ValueTask<byte[]> MeasureAsync(WorkItem item, Func<ValueTask<byte[]>> work)
    {
        using Activity? span = _source.StartActivity($"item {item.Kind}");
        span?.SetTag("argument", item.Argument);
        long started = Stopwatch.GetTimestamp();
        string outcome = "failed";
        try
        {
            byte[] result = await work();
            outcome = "done";
            return result;
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
        finally
        {
            KeyValuePair<string, object?> kind = new("kind", item.Kind);
            _items.Add(1, kind, new KeyValuePair<string, object?>("outcome", outcome));
            _duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, kind);
        }
    }

    /// <summary>A stage under way.</summary>
    public readonly struct StageSpan(string stage, Activity? span, long started) : IDisposable
    {
        public void Dispose()
        {
            _stages.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
            span?.Dispose();
        }
    }
}
