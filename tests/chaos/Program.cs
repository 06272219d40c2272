using System.Globalization;
using QuantCluster.Tests.Chaos;

// chaos [--minutes N] [--seed N] [--engine redis|orleans]
double minutes = 0.5;
int seed = Environment.TickCount;
bool silos = false;
for (int i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--minutes":
            minutes = double.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--seed":
            seed = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--engine" when args[i + 1] is "redis" or "orleans":
            silos = args[i + 1] == "orleans";
            break;
        default:
            Console.Error.WriteLine("usage: ./test chaos [--minutes N] [--seed N] [--engine redis|orleans]");
            return 2;
    }
}

if (!RedisServer.IsInstalled)
{
    Console.WriteLine(RedisServer.Missing);
    return 0;
}

if (silos && !File.Exists(WorkerProcess.Silo))
{
    Console.WriteLine("chaos: this build has no Orleans (the package feed had none)");
    return 0;
}

ChaosResult result = await ChaosRun.RunAsync(TimeSpan.FromMinutes(minutes), seed, Console.WriteLine, silos);
Console.WriteLine(result);
return result.IsGood ? 0 : 1;
