using System.Globalization;
using System.Text;
using System.Text.Json;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

/// <summary>
/// Real work, however small: the SHA-256 of the argument. How it misbehaves is said by a file of the job's folder, and
/// every call is noted in another, so that it is the same in whatever process it runs.
/// </summary>
internal sealed class Hashing(string folder) : IWorkHandler
{
    public const string KindName = "hash-argument";

    private readonly Behaviour _behaviour = File.Exists(BehaviourOf(folder))
        ? JsonSerializer.Deserialize<Behaviour>(File.ReadAllBytes(BehaviourOf(folder)))!
        : new Behaviour();

    public string Kind => KindName;

    /// <summary>A job's folder whose items are done by this handler.</summary>
    public static JobContext Prepare(string folder, Behaviour? behaviour = null)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(BehaviourOf(folder), JsonSerializer.SerializeToUtf8Bytes(behaviour ?? new Behaviour()));
        return Open(folder);
    }

    /// <summary>What a worker in any process gives its items.</summary>
    public static JobContext Open(string folder)
    {
        Hashing handler = new(folder);
        return new JobContext(new FolderBlobStore(Path.Combine(folder, "blobs")), new Dictionary<string, IWorkHandler> { [handler.Kind] = handler }) { Folder = folder };
    }

    public static WorkItem Item(int i) => new(KindName, i.ToString(CultureInfo.InvariantCulture), "seed");

    /// <summary>An item that shares with others what is named.</summary>
    public static WorkItem Item(int i, params string[] affinity) => Item(i) with { Affinity = affinity };

    public static string Expected(WorkItem item) => ContentHash.Of(item.Argument, item.Inputs[0]);

    /// <summary>The arguments of all calls so far, in whatever process, in the order they began.</summary>
    public static string[] Calls(string folder) => [.. CallsAndProcesses(folder).Select(c => c.Argument)];

    /// <summary>The same, and the process of each.</summary>
    public static (string Argument, string Process)[] CallsAndProcesses(string folder) =>
        File.Exists(CallsOf(folder)) ? [.. ReadLines(CallsOf(folder)).Select(line => line.Split(' ')).Select(c => (c[0], c[1]))] : [];

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        if (_behaviour.IsQuiet)
            return Encoding.ASCII.GetBytes(Expected(item));
        await NoteAsync(item.Argument, cancellation);
        if (_behaviour.DelayMilliseconds > 0)
            await Task.Delay(_behaviour.DelayMilliseconds, cancellation);
        if (item.Argument == _behaviour.FailingArgument && Calls(folder).Count(c => c == item.Argument) <= _behaviour.FailingAttempts)
        {
            if (_behaviour.Kills)
                Environment.FailFast("this item kills its worker, as the test asks for");
            throw _behaviour.IsBadData
                ? new QuantException(ExitCode.BadData, _behaviour.Message)
                : new InvalidOperationException(_behaviour.Message);
        }

        byte[] result = Encoding.ASCII.GetBytes(Expected(item));
        return _behaviour.Padding == 0 ? result : [.. result, .. new byte[_behaviour.Padding]];
    }

    /// <summary>Alone: .NET appends at the length it saw when it opened the file, and two processes would write one over the other.</summary>
    private async Task NoteAsync(string argument, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                using FileStream calls = new(CallsOf(folder), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
                calls.Write(Encoding.ASCII.GetBytes($"{argument} {Environment.ProcessId}\n"));
                return;
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                await Task.Delay(1, cancellation);
            }
        }
    }

    private static string BehaviourOf(string folder) => Path.Combine(folder, "behaviour.json");

    private static string CallsOf(string folder) => Path.Combine(folder, "calls.txt");

    private static string[] ReadLines(string path)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                return new StreamReader(stream).ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            }
            catch (IOException) when (attempt < 1000)
            {
                // Someone notes a call just now.
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>How the handler is to misbehave.</summary>
    internal sealed record Behaviour
    {
        public int DelayMilliseconds { get; init; }

        public string? FailingArgument { get; init; }

        /// <summary>How many of the first attempts at that item fail.</summary>
        public int FailingAttempts { get; init; } = int.MaxValue;

        public string Message { get; init; } = "poison";

        public bool IsBadData { get; init; }

        /// <summary>The process dies instead of the item failing.</summary>
        public bool Kills { get; init; }

        /// <summary>Calls are not noted: for measuring what an engine costs.</summary>
        public bool IsQuiet { get; init; }

        /// <summary>Zero bytes after each result.</summary>
        public int Padding { get; init; }
    }
}
