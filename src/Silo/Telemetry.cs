using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace QuantCluster.Silo;

/// <summary>Sends the meters and spans of jobs, grains and Orleans where the settings say.</summary>
internal static class Telemetry
{
    public static void AddTelemetry(this WebApplicationBuilder builder, SiloSettings settings)
    {
        if (settings.Telemetry == TelemetryOutput.None)
            return;
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(r => r.AddService("quant-silo", serviceNamespace: "quantcluster", serviceInstanceId: settings.Name))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter("QuantCluster.*", "Microsoft.Orleans", "System.Runtime");
                if (settings.Telemetry.HasFlag(TelemetryOutput.Console))
                    metrics.AddConsoleExporter();
                if (settings.Telemetry.HasFlag(TelemetryOutput.Otlp))
                    metrics.AddOtlpExporter();
            })
            .WithTracing(traces =>
            {
                traces.AddSource("QuantCluster.*", "Microsoft.Orleans.Application");
                if (settings.Telemetry.HasFlag(TelemetryOutput.Console))
                    traces.AddConsoleExporter();
                if (settings.Telemetry.HasFlag(TelemetryOutput.Otlp))
                    traces.AddOtlpExporter();
            });
    }
}
