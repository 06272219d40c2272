using System.Runtime.InteropServices;

namespace QuantCluster.Client;

/// <summary>
/// Ctrl+C and SIGTERM ask the work to stop; a second one, or five seconds of waiting, end the process. Either way
/// the job can be resumed: it is written to be killed. While a search runs, the first Ctrl+C only ends the search.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _source = new(), _search = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Lock _speaking = new();
    private int _asked;

    public Interruption() => _registrations = [Register(PosixSignal.SIGINT), Register(PosixSignal.SIGTERM)];

    public CancellationToken Token => _source.Token;

    /// <summary>Asks a search for its best so far.</summary>
    public CancellationToken SearchToken => _search.Token;

    /// <summary>Whether a search runs that can be ended by itself.</summary>
    public Func<bool> IsSearching { get; set; } = () => false;

    /// <summary>What is said, once, when the work was stopped, or the process ends without waiting for that.</summary>
    public string Farewell { get; set; } = "quant: stopped.";

    /// <summary>Says it, unless it was said.</summary>
    public void SayFarewell()
    {
        // Who comes second waits: he may be about to end the process.
        lock (_speaking)
        {
            if (Farewell.Length > 0)
                Console.Error.WriteLine(Farewell);
            Farewell = "";
        }
    }

    public void Dispose()
    {
        // Once asked it listens to the end: a second signal just then is still a second one, and does not kill the
        // process with another code. The sources are left alone: a signal just before may yet cancel them.
        Farewell = "";
        if (Volatile.Read(ref _asked) == 0)
            Array.ForEach(_registrations, r => r.Dispose());
    }

    private PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (signal == PosixSignal.SIGINT && IsSearching() && !_search.IsCancellationRequested)
        {
            Console.Error.WriteLine("quant: ending the search with its best so far. Ctrl+C again stops at once.");
            ThreadPool.QueueUserWorkItem(_ => _search.Cancel());
            return;
        }

        if (Interlocked.Exchange(ref _asked, 1) == 1)
            Leave();
        ThreadPool.QueueUserWorkItem(_ => _source.Cancel());
        _ = Task.Delay(Patience).ContinueWith(_ => Leave(), TaskScheduler.Default);
    });

    private void Leave()
    {
        ProcessEnd.ShowCursor();
        SayFarewell();
        ProcessEnd.AtOnce(ExitCode.Cancelled);
    }
}
