using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>
/// The jobs that are open on this silo: opened with the first grain that needs one, closed with the last. All grains
/// of a job share its data, values and warm sessions. Thread-safe.
/// </summary>
public sealed class JobRooms(IJobOpener opener)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Job, string Stamp), Room> _rooms = [];

    /// <summary>Jobs open now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _rooms.Count;
        }
    }

    /// <summary>A grain's right to a job; the job stays open until all are disposed of.</summary>
    /// <param name="job">The job's id.</param>
    /// <param name="stamp">What it was asked to do: settings that change make another room.</param>
    public Lease Enter(string job, string stamp)
    {
        lock (_lock)
        {
            if (!_rooms.TryGetValue((job, stamp), out Room? room))
                _rooms[(job, stamp)] = room = new Room((job, stamp), opener);
            room.Leases++;
            return new Lease(this, room);
        }
    }

    private void Leave(Room room)
    {
        lock (_lock)
        {
            if (--room.Leases > 0)
                return;
            _rooms.Remove(room.Name);
        }

        room.Close();
    }

    public sealed class Lease : IDisposable
    {
        private readonly JobRooms _rooms;
        private Room? _room;

        internal Lease(JobRooms rooms, Room room) => (_rooms, _room) = (rooms, room);

        /// <summary>The job, opened now if no one did before.</summary>
        /// <exception cref="QuantException">It cannot be opened; the next call tries again.</exception>
        public JobContext Job => (_room ?? throw new ObjectDisposedException(nameof(Lease))).Open().Context;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _room, null) is { } room)
                _rooms.Leave(room);
        }
    }

    internal sealed class Room((string Job, string Stamp) name, IJobOpener opener)
    {
        private readonly Lock _opening = new();
        private OpenJob? _job;

        public (string Job, string Stamp) Name => name;

        /// <summary>Guarded by the rooms' lock.</summary>
        public int Leases { get; set; }

        // Data and model are hashed to be sure that they are the job's: one thread does it, the others wait.
        public OpenJob Open()
        {
            lock (_opening)
                return _job ??= opener.Open(name.Job);
        }

        public void Close()
        {
            lock (_opening)
                _job?.Dispose();
        }
    }
}
