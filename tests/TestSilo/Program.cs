using System.Globalization;
using QuantCluster.Grains;
using QuantCluster.Silo;
using QuantCluster.TestSilo;

// A silo as users run it, that also knows the work of the engines' contract, and may have a wrong clock.
TimeProvider clock = TimeProvider.System;
if (args is [WrongClock.Option, var days, .. var rest])
    (clock, args) = (new WrongClock(TimeSpan.FromDays(double.Parse(days, CultureInfo.InvariantCulture))), rest);
return await SiloCommand.RunAsync(args, services => services.AddSingleton(clock).AddSingleton<IJobOpener, ContractOpener>());
