using QuantCluster.Grains;
using QuantCluster.Silo;
using QuantCluster.TestSilo;

// A silo as users run it, that also knows the work of the engines' contract.
return await SiloCommand.RunAsync(args, services => services.AddSingleton<IJobOpener, ContractOpener>());
