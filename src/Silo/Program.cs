return await QuantCluster.Silo.SiloCommand.RunAsync(args);
