using QuantCluster.Engineering;

// run-tests ROOT [CLASS-FILTER | xunit options ...]
TestCount total = new();
foreach (string assembly in TestAssembly.FindUnder(args[0]))
    total += TestAssembly.Run(assembly, args[1..]);

if (total.Passed + total.Failed == 0)
    Console.Error.WriteLine("test: no test ran");
Console.WriteLine(total);
return total.Passed > 0 && total.Failed == 0 ? 0 : 1;
