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

    public Interruption() => _registrations = [Register(PosixSignal.SIGINT), Register(PosixSignal.SIGTERM)];

    public CancellationToken Token => _source.Token;

    /// <summary>Asks a search for its best so far.</summary>
    public CancellationToken SearchToken => _search.Token;

    /// <summary>Whether a search runs that can be ended by itself.</summary>
    public Func<bool> IsSearching { get; set; } = () => false;

    /// <summary>Said when the process ends without waiting for the work to stop.</summary>
    public string Farewell { get; set; } = "quant: stopped.";

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
        _search.Dispose();
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

        if (_source.IsCancellationRequested)
            Leave();
        ThreadPool.QueueUserWorkItem(_ => _source.Cancel());
        _ = Task.Delay(Patience).ContinueWith(_ => Leave(), TaskScheduler.Default);
    });

    private void Leave()
    {
        Console.Error.WriteLine(Farewell);
        Environment.Exit((int)ExitCode.Cancelled);
    }
}
