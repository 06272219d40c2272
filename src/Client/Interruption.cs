using System.Runtime.InteropServices;

namespace QuantCluster.Client;

/// <summary>
/// Ctrl+C and SIGTERM ask the work to stop; a second one, or five seconds of waiting, end the process. Either way
/// the job can be resumed: it is written to be killed.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption() => _registrations = [Register(PosixSignal.SIGINT), Register(PosixSignal.SIGTERM)];

    public CancellationToken Token => _source.Token;

    /// <summary>Said when the process ends without waiting for the work to stop.</summary>
    public string Farewell { get; set; } = "quant: stopped.";

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
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
