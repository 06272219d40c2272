using System.Diagnostics.Metrics;

namespace QuantCluster.Grains;

/// <summary>
/// Counts orders that grains of this silo were given, by how they were answered. One that is under way is joined; one that was answered
/// lately is answered again; any other is new, and done or sent out.
/// </summary>
internal sealed class OrderInstruments
{
    /// <summary>Name of the counter.</summary>
    public const string Orders = "quantcluster.silo.orders";

    private static readonly Meter _meter = new(SiloInstruments.Name);
    private static readonly Counter<long> _orders = _meter.CreateCounter<long>(Orders, "{item}", "Orders given to the silo's grains, by task and answer.");

    private readonly string _task;

    private OrderInstruments(string task) => _task = task;

    /// <summary>Orders to do an item.</summary>
    public static OrderInstruments Work { get; } = new("work");

    /// <summary>Orders to have an item of a layer's candidate done.</summary>
    public static OrderInstruments Watch { get; } = new("watch");

    public void AddNew() => Add("new");

    public void AddJoined() => Add("joined");

    public void AddRepeated() => Add("repeated");

    private void Add(string answer) => _orders.Add(1, new KeyValuePair<string, object?>("task", _task), new KeyValuePair<string, object?>("answer", answer));
}
