using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using QuantCluster.Cluster;

namespace QuantCluster.Grains;

/// <summary>The way in for hosts.</summary>
public static class GrainsHosting
{
    /// <summary>Threads of the pool beside one for each item: more of them cost a silo of one core a tenth of it.</summary>
    private const int SpareThreads = 1;

    /// <summary>
    /// Makes a silo do jobs' items. Clustering, the store named <c>jobs</c> and reminders are the host's to choose.
    /// An <see cref="IJobOpener"/> registered before is kept.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="store">The job store that silos and clients share.</param>
    /// <param name="cores">Items at a time.</param>
    /// <param name="reminderPeriod">A job whose silo died is taken up again within this time.</param>
    public static ISiloBuilder AddQuantCluster(this ISiloBuilder silo, JobStore store, int cores, TimeSpan reminderPeriod)
    {
        // An item goes on with a thread of the pool once it has waited for a file, and keeps it until it is done: grains and
        // messages, other silos' too, must find others.
        ThreadPool.GetMinThreads(out int threads, out int ports);
        ThreadPool.SetMinThreads(Math.Max(threads, cores + SpareThreads), ports);
        silo.AddActivityPropagation();

        // Orleans' older directory forgets, with each silo that dies, also grains of others: their warm sessions, and who
        // watched over what, would be gone.
#pragma warning disable ORLEANSEXP003
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003

        // Grains of a silo that died come up elsewhere at once. That one may live twice for a moment harms nothing here: items
        // give the same result wherever they are done, and of two coordinators only the later one's tenure counts.
        silo.Configure<GrainDirectoryOptions>(o => o.RangeLeaseDuration = TimeSpan.Zero);
        silo.Services.AddSingleton(new CoreGate(cores));
        silo.Services.TryAddSingleton<IJobOpener, StoreOpener>();
        silo.Services.AddSingleton(store);
        silo.Services.AddSingleton<JobRooms>();
        silo.Services.AddSingleton<SiloWork>();
        silo.Services.AddSingleton<RecentAnswers>();
        silo.Services.AddSingleton<CoordinatorCount>();
        silo.Services.AddHostedService<SiloReporter>();
        silo.Services.AddHostedService<StoreWatch>();
        silo.Configure<CoordinatorOptions>(o => o.ReminderPeriod = reminderPeriod);
        silo.Configure<ReminderOptions>(o => o.MinimumReminderPeriod = reminderPeriod < o.MinimumReminderPeriod ? reminderPeriod : o.MinimumReminderPeriod);
        silo.Configure<SiloMessagingOptions>(o =>
        {
            // "Cancelled" means that nothing runs any more.
            o.WaitForCancellationAcknowledgement = true;
            o.CancelRequestOnTimeout = true;
        });
        silo.Configure<ResourceOptimizedPlacementOptions>(o =>
        {
            // A coordinator's own silo gets no more than its share; and grains are spread even before load shows.
            o.LocalSiloPreferenceMargin = 0;
            o.ActivationCountWeight = 40;
        });
        return silo;
    }
}
