namespace QuantCluster.Silo;

/// <summary>What orchestrators ask: whether to restart it (live), whether to send it work (ready).</summary>
internal static class Health
{
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", (ISiloStatusOracle oracle) => Answer(oracle, oracle.CurrentStatus is not SiloStatus.Dead));
        app.MapGet("/health/ready", (ISiloStatusOracle oracle) => Answer(oracle, oracle.CurrentStatus is SiloStatus.Active));
    }

    /// <returns>The exit code of <c>quant-silo health</c>.</returns>
    public static async Task<int> AskAsync(int port, CancellationToken cancellation)
    {
        try
        {
            using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(3) };
            using HttpResponseMessage answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/health/ready"), cancellation);
            Console.Write(await answer.Content.ReadAsStringAsync(cancellation));
            return answer.IsSuccessStatusCode ? 0 : (int)ExitCode.Unavailable;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            await Console.Error.WriteLineAsync($"quant-silo: no silo answers on port {port}: {e.Message}");
            return (int)ExitCode.Unavailable;
        }
    }

    private static IResult Answer(ISiloStatusOracle oracle, bool isWell) =>
        Results.Text($"{oracle.CurrentStatus}\n", statusCode: isWell ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
