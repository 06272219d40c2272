using QuantCluster.Client;

return CommandLine.Run(args);
