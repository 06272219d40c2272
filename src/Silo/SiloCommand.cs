using System.CommandLine;
using System.Net;

namespace QuantCluster.Silo;

/// <summary>The command line of <c>quant-silo</c>. Every option is also an environment variable, for containers.</summary>
internal static class SiloCommand
{
    private static readonly Option<string?> Redis = new("--redis") { HelpName = "HOST:PORT", Description = "The cluster's Redis (QUANT_REDIS).", DefaultValueFactory = _ => Variable("QUANT_REDIS") };
    private static readonly Option<string?> Store = new("--store") { HelpName = "DIR", Description = "The job store that silos and clients share (QUANT_STORE).", DefaultValueFactory = _ => Variable("QUANT_STORE") };
    private static readonly Option<bool> Development = new("--dev") { Description = "No Redis: one silo, state in memory, this machine only." };
    private static readonly Option<string> ClusterId = new("--cluster-id") { HelpName = "ID", Description = "Silos of one id work together (QUANT_CLUSTER_ID).", DefaultValueFactory = _ => Variable("QUANT_CLUSTER_ID") ?? Grains.ClusterNames.DefaultClusterId };
    private static readonly Option<string> Name = new("--name") { HelpName = "NAME", Description = "What people call it (QUANT_SILO_NAME). Default: the host's name.", DefaultValueFactory = _ => Variable("QUANT_SILO_NAME") ?? Environment.MachineName };
    private static readonly Option<string?> Address = new("--address") { HelpName = "IP", Description = "The address other silos reach it by (QUANT_ADDRESS). Default: the host's first.", DefaultValueFactory = _ => Variable("QUANT_ADDRESS") };
    private static readonly Option<int> SiloPort = Number("--silo-port", "QUANT_SILO_PORT", 11111, 1, 65535, "Port for other silos");
    private static readonly Option<int> GatewayPort = Number("--gateway-port", "QUANT_GATEWAY_PORT", 30000, 1, 65535, "Port for clients");
    private static readonly Option<int> HttpPort = Number("--http-port", "QUANT_HTTP_PORT", 8080, 1, 65535, "Port of /health/live and /health/ready");
    private static readonly Option<int> Cores = Number("--cores", "QUANT_CORES", Environment.ProcessorCount, 1, 4096, "Items at a time; by default one a core");
    private static readonly Option<int> Reminder = Number("--reminder-seconds", "QUANT_REMINDER_SECONDS", 60, 1, 86400, "A job whose silo died is taken up again within this time");
    private static readonly Option<int> Probe = Number("--probe-milliseconds", "QUANT_PROBE_MILLISECONDS", 3000, 100, 60000, "How long a silo has to answer another; three misses, and it is taken for dead");
    private static readonly Option<string> Telemetry = new("--telemetry") { HelpName = "none|console|otlp|both", Description = "Where metrics and traces go (QUANT_TELEMETRY); otlp reads the standard OTEL_EXPORTER_OTLP_ variables.", DefaultValueFactory = _ => Variable("QUANT_TELEMETRY") ?? "none" };

    /// <param name="args">The command line.</param>
    /// <param name="services">Adds services of the caller's own.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, Action<IServiceCollection>? services = null)
    {
        RootCommand command = new("A silo: does the work items of quantization jobs, together with other silos.")
        {
            Store, Redis, Development, ClusterId, Name, Address, SiloPort, GatewayPort, HttpPort, Cores, Reminder, Probe, Telemetry,
        };
        Command health = new("health", "Asks the silo on this machine whether it takes work: exit code 0 if so. For containers.") { HttpPort };
        health.SetAction(async (parsed, cancellation) => await Health.AskAsync(parsed.GetValue(HttpPort), cancellation));
        command.Subcommands.Add(health);
        Telemetry.AcceptOnlyFromAmong("none", "console", "otlp", "both");
        command.Validators.Add(result =>
        {
            if (string.IsNullOrEmpty(result.GetValue(Store)))
                result.AddError("No job store: give --store DIR (or QUANT_STORE), the folder that silos and clients share.");
            if (result.GetResult(Development) is null && string.IsNullOrEmpty(result.GetValue(Redis)))
                result.AddError("No cluster: give --redis HOST:PORT (or QUANT_REDIS), or --dev for a silo of its own.");
            if (result.GetValue(Address) is { } address && !IPAddress.TryParse(address, out _))
                result.AddError($"--address '{address}' is no IP address.");
        });
        command.SetAction(async (parsed, _) => await SiloHost.RunAsync(Settings(parsed), services));
        ParseResult parsed = command.Parse(args);
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
        foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
            await Console.Error.WriteLineAsync($"quant-silo: {error.Message}");
        return (int)ExitCode.Usage;
    }

    private static SiloSettings Settings(ParseResult parsed) => new()
    {
        Redis = parsed.GetValue(Development) ? null : parsed.GetValue(Redis),
        Store = parsed.GetValue(Store)!,
        ClusterId = parsed.GetValue(ClusterId)!,
        Name = parsed.GetValue(Name)!,
        Address = parsed.GetValue(Address) is { } address ? IPAddress.Parse(address) : null,
        SiloPort = parsed.GetValue(SiloPort),
        GatewayPort = parsed.GetValue(GatewayPort),
        HttpPort = parsed.GetValue(HttpPort),
        Cores = parsed.GetValue(Cores),
        ReminderPeriod = TimeSpan.FromSeconds(parsed.GetValue(Reminder)),
        ProbeTimeout = TimeSpan.FromMilliseconds(parsed.GetValue(Probe)),
        Telemetry = parsed.GetValue(Telemetry) switch
        {
            "console" => TelemetryOutput.Console,
            "otlp" => TelemetryOutput.Otlp,
            "both" => TelemetryOutput.Console | TelemetryOutput.Otlp,
            _ => TelemetryOutput.None,
        },
    };

    private static Option<int> Number(string name, string variable, int otherwise, int least, int most, string description)
    {
        Option<int> option = new(name)
        {
            HelpName = "N",
            Description = $"{description} ({variable}).",
            DefaultValueFactory = result => Variable(variable) is not { } text ? otherwise : int.TryParse(text, out int value) ? value : least - 1,
        };
        option.Validators.Add(result =>
        {
            if (result.GetValue(option) is int value && (value < least || value > most))
                result.AddError($"{name} ({variable}) must be a number from {least} to {most}.");
        });
        return option;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
