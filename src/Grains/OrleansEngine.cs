using System.Runtime.CompilerServices;
using System.Threading.Channels;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>
/// Items on the silos of a cluster. A call is done at most once, so whoever calls watches over it: what a dead silo
/// held, or what no grain holds any more, is sent again; the first answer counts, later ones find no one waiting.
/// </summary>
public sealed class OrleansEngine : IWorkEngine
{
    /// <summary>As <c>--engine</c> names it.</summary>
    public const string EngineName = "orleans";

    private readonly IGrainFactory _grains;
    private readonly OrleansEngineSettings _settings;
    private readonly WarmWorkers _warm = new();
    private readonly ItemTimes _times = new();
    private readonly Lanes _lanes;
    private int _window;
    private long _looked = -1_000_000_000;

    /// <param name="grains">A way to the cluster: a silo's own, or a client's.</param>
    /// <param name="settings">Null for the defaults.</param>
    public OrleansEngine(IGrainFactory grains, OrleansEngineSettings? settings = null)
    {
        _grains = grains;
        _settings = settings ?? new();
        _lanes = new Lanes(grains, _warm);
    }

    public string Name => EngineName;

    public bool IsRemote => true;

    public async IAsyncEnumerable<WorkResult> ExecuteAsync(
        JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        int asked = await WindowAsync(cancellation), window = _settings.Window ?? asked;
        await foreach (WorkResult result in ResultStream.ReadAsync(window, (finished, stop) => FeedAsync(job, items, window, finished, stop), cancellation))
            yield return result;
    }

    private async Task FeedAsync(
        JobContext job, IAsyncEnumerable<WorkItem> items, int size, ChannelWriter<WorkResult> finished, CancellationTokenSource stop)
    {
        using WorkWindow window = new(size);
        ItemDispatch dispatch = new(_grains, _lanes, job, _settings);
        HashSet<Task> underWay = [];
        Task following = FollowClusterAsync(window, stop.Token);
        Exception? failure = null;
        try
        {
            await Task.Run(SendAsync, CancellationToken.None);
            await Task.WhenAll(underWay);
        }
        catch (Exception e)
        {
            failure = e;
        }

        await stop.CancelAsync();
        await Task.WhenAll([.. underWay, following]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Being stopped is the others' consequence, not the reason.
        finished.Complete(underWay.SelectMany(t => t.Exception?.InnerExceptions ?? []).FirstOrDefault(e => e is not OperationCanceledException) ?? failure);

        async Task SendAsync()
        {
            WaitingItems waiting = new(_warm);
            await using ReadyItems source = new(items, stop.Token);
            while (true)
            {
                while ((waiting.Count == 0 || (waiting.Count < WaitingItems.ChosenFrom && _times.PayToBeChosen(waiting.First))) && await source.NextAsync(wait: waiting.Count == 0) is { } ready)
                    waiting.Add(ready);
                if (waiting.Count == 0)
                    return;

                // Where it takes long, or matters who does it, it waits here until a silo is free, which is given what suits it of all that wait.
                await window.EnterAsync(stop.Token);
                string? free = _times.PayToBeChosen(waiting.First) || _times.AreLong(waiting.First) ? await _lanes.FreeSiloAsync(waiting.Count, stop.Token) : null;
                WorkItem item = waiting.TakeFor(free, _lanes.Cores);
                Lanes.Lane lane = dispatch.Take(item, free);
                underWay.RemoveWhere(t => t.IsCompletedSuccessfully);
                underWay.Add(Task.Run(() => DoAsync(item, lane), CancellationToken.None));
            }
        }

        async Task DoAsync(WorkItem item, Lanes.Lane lane)
        {
            try
            {
                WorkResult result = await dispatch.DoAsync(item, lane, stop.Token);
                _times.Note(result);
                await finished.WriteAsync(result, stop.Token);
                window.Leave();
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>What was last heard, where that is not long ago: a search runs items a thousand times, a few at a time.</summary>
    private async Task<int> WindowAsync(CancellationToken cancellation)
    {
        if (Environment.TickCount64 - Volatile.Read(ref _looked) < _settings.LookAround.TotalMilliseconds || await WindowOfAsync(cancellation) is not { } window)
            window = Volatile.Read(ref _window);
        return window == 0 ? OrleansEngineSettings.FirstWindow : window;
    }

    private async Task FollowClusterAsync(WorkWindow window, CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(_settings.LookAround, cancellation);
            if (await WindowOfAsync(cancellation) is { } size && _settings.Window is null)
                window.Resize(size);
        }
    }

    /// <summary>An item for each core, and one more for each silo, so that none waits for the way there and back.</summary>
    private async Task<int?> WindowOfAsync(CancellationToken cancellation)
    {
        try
        {
            SiloReport[] silos = await _grains.GetGrain<IClusterGrain>(0).GetSilosAsync().WaitAsync(cancellation);
            _settings.Heard?.Invoke(silos.Length);
            _lanes.Know(silos);
            if (silos.Length == 0)
                return null;
            int window = silos.Sum(s => s.Cores + 1);
            Volatile.Write(ref _window, window);
            Volatile.Write(ref _looked, Environment.TickCount64);
            return window;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return null;
        }
    }
}
