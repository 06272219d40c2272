namespace QuantCluster.Silo;

/// <summary>What orchestrators ask: whether to restart it (live), whether to send it work (ready).</summary>
internal static class Health
{
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", (ISiloStatusOracle oracle) => Answer(oracle, oracle.CurrentStatus is not SiloStatus.Dead));
        app.MapGet("/health/ready", (ISiloStatusOracle oracle) => Answer(oracle, oracle.CurrentStatus is SiloStatus.Active));
    }

    private static IResult Answer(ISiloStatusOracle oracle, bool isWell) =>
        Results.Text($"{oracle.CurrentStatus}\n", statusCode: isWell ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
