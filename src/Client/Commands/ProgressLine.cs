using QuantCluster.Verification;

namespace QuantCluster.Client.Commands;

/// <summary>One line on stderr that says how far verification is, where a person looks at it; gone afterwards.</summary>
internal sealed class ProgressLine : IProgress<VerificationProgress>
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private DateTime _last;

    /// <summary>Runs <paramref name="work"/> with a progress line, or with none where stderr is no terminal.</summary>
    public static T While<T>(Func<IProgress<VerificationProgress>?, T> work)
    {
        if (Console.IsErrorRedirected)
            return work(null);
        try
        {
            return work(new ProgressLine());
        }
        finally
        {
            Console.Error.Write("\r\e[K");
        }
    }

    public void Report(VerificationProgress value)
    {
        lock (_lock)
        {
            DateTime now = DateTime.UtcNow;
            if (now - _last < Pause)
                return;
            _last = now;
            Console.Error.Write($"\r\e[K{value.Stage} {value.Done}/{value.Total}");
        }
    }
}
