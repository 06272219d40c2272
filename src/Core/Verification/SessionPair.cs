using QuantCluster.Inference;

namespace QuantCluster.Verification;

/// <summary>Sessions of the float and of the quantized model, opened side by side: opening takes one core each.</summary>
internal sealed class SessionPair : IDisposable
{
    private SessionPair(ModelSession reference, ModelSession quantized)
    {
        Reference = reference;
        Quantized = quantized;
    }

    public ModelSession Reference { get; }

    public ModelSession Quantized { get; }

    /// <param name="reference">Opens the float model.</param>
    /// <param name="quantized">Opens the quantized model.</param>
    /// <param name="inTurn">The smaller first, then the larger: opening takes more memory than running.</param>
    /// <exception cref="QuantException">One of the models is not accepted.</exception>
    public static SessionPair Open(Func<ModelSession> reference, Func<ModelSession> quantized, bool inTurn = false)
    {
        if (inTurn)
        {
            ModelSession smaller = quantized();
            return new SessionPair(reference(), smaller);
        }

        // A thread of its own: all of the pool's may be waiting for work like this.
        Task<ModelSession> other = Task.Factory.StartNew(quantized, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        ModelSession first;
        try
        {
            first = reference();
        }
        catch
        {
            other.ContinueWith(t => t.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }

        try
        {
            return new SessionPair(first, other.GetAwaiter().GetResult());
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Reference.Dispose();
        Quantized.Dispose();
    }
}
