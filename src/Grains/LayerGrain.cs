using Orleans.Placement;

namespace QuantCluster.Grains;

/// <inheritdoc cref="ILayerGrain"/>
[ResourceOptimizedPlacement]
[CollectionAgeLimit(Minutes = 2)]
internal sealed class LayerGrain(JobRooms rooms, SiloWork work, RecentAnswers recent, ILocalSiloDetails silo) : WorkGrain(rooms, work, recent), ILayerGrain
{
    /// <summary>It stays this long after an item: a coordinator that died is back by then.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly RecentAnswers _recent = recent;
    private readonly Dictionary<string, Candidate> _underWay = [];
    private int _sentOut, _joined, _givenAgain;

    public Task<WorkAnswer> ScoreAsync(CandidateOrder order, CancellationToken cancellation) =>
        HaveDoneAsync(GrainFactory.GetGrain<IShardGrain>(order.Lane), order, cancellation);

    public Task<WorkAnswer> CorrectAsync(CandidateOrder order, CancellationToken cancellation) =>
        HaveDoneAsync(GrainFactory.GetGrain<ILayerGrain>(order.Lane), order, cancellation);

    public Task<LayerDescription> DescribeAsync() => Task.FromResult(new LayerDescription(silo.Name, _sentOut, _joined, _givenAgain, _underWay.Count));

    public override Task<bool> IsHoldingAsync(string key) => _underWay.ContainsKey(key) ? Task.FromResult(true) : base.IsHoldingAsync(key);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // A silo that says farewell finishes what it has begun.
        Task all = Task.WhenAll(_underWay.Values.Select(c => c.Answer));
        await all.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await base.OnDeactivateAsync(reason, cancellationToken);
    }

    private async Task<WorkAnswer> HaveDoneAsync(IWorkGrain worker, CandidateOrder order, CancellationToken cancellation)
    {
        string key = order.Work.Key;
        bool isShared = _underWay.TryGetValue(key, out Candidate? candidate);
        if (candidate is null)
        {
            if (_recent.Find(order.Work) is { } answered)
            {
                _givenAgain++;
                OrderInstruments.Watch.AddRepeated();
                return answered with { IsShared = true };
            }

            _sentOut++;
            OrderInstruments.Watch.AddNew();
            _underWay[key] = candidate = new Candidate();
            candidate.Answer = SendOutAsync(worker, order, candidate);
        }
        else
        {
            _joined++;
            OrderInstruments.Watch.AddJoined();
        }

        // Of a job's coordinators only the last is alive. One that is dead cancels nothing; one that is late must not.
        int turn = ++candidate.Askers;
        using CancellationTokenRegistration cancelled = cancellation.Register(() =>
        {
            if (candidate.Askers == turn)
                candidate.Stop.Cancel();
        });
        WorkAnswer answer = await candidate.Answer;
        return isShared ? answer with { IsShared = true } : answer;
    }

    private async Task<WorkAnswer> SendOutAsync(IWorkGrain worker, CandidateOrder order, Candidate candidate)
    {
        CancellationToken stop = candidate.Stop.Token;
        try
        {
            WorkAnswer answer = await WatchedCall.AskAsync(worker, order.Work.Key, order.Silo, order.CheckEvery, c => worker.ExecuteAsync(order.Work, c), stop);
            _recent.Keep(order.Work, answer);
            DelayDeactivation(Patience);
            return answer;
        }
        catch (Exception) when (!stop.IsCancellationRequested)
        {
            // Failures of the work itself are answers.
            return new WorkAnswer { IsLost = true };
        }
        finally
        {
            _underWay.Remove(order.Work.Key);
        }
    }

    /// <summary>An item that was sent out.</summary>
    private sealed class Candidate
    {
        public CancellationTokenSource Stop { get; } = new();

        public Task<WorkAnswer> Answer { get; set; } = Task.FromResult(new WorkAnswer());

        /// <summary>How many have asked for it so far.</summary>
        public int Askers { get; set; }
    }
}
