using QuantCluster.Bench;

return args switch
{
    [] => CalibrationBench.Run(CalibrationCases.All()),
    ["calibration", .. var names] => CalibrationBench.Run(CalibrationCases.All().Where(c => names.Length == 0 || names.Contains(c.Name))),
    ["memory", var name, var samples, var workers, var threads] => MemoryProbe.Run(name, int.Parse(samples), int.Parse(workers), int.Parse(threads)),
    ["results", .. var rest] => AnchorResults.Run(rest),
    ["trials", "--samples", var samples, .. var names] => TrialsBench.Run(names, int.Parse(samples)),
    ["trials", .. var names] => TrialsBench.Run(names, 48),
    ["frontier", .. var rest] => FrontierBench.Run(rest),
    ["int4", "--trials", var most, .. var names] => Int4Table.Run(int.Parse(most), names),
    ["int4", .. var names] => Int4Table.Run(300, names),
    ["sensitivity", .. var rest] => SensitivityBench.Run(rest),
    ["orders", "--timed", .. var names] => OrdersTiming.Run(names),
    ["orders", .. var rest] => OrdersBench.Run(rest),
    ["pieces", .. var names] => PiecesBench.Run(names),
    ["objectives", "--samples", var samples, .. var names] => ObjectivesBench.Run(int.Parse(samples), names),
    ["objectives", .. var names] => ObjectivesBench.Run(256, names),
    ["inference", var model, var spec, var seconds] => SideBySide.Infer(model, spec, int.Parse(seconds)),
    ["scale", .. var parts] => await ScaleBench.RunAsync(parts),
    ["histogram", .. var rest] => HistogramBenchmarks.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        """
        usage: QuantCluster.Bench [calibration [CASE...]]   inference, taps and the whole pass side by side
               QuantCluster.Bench results [ANCHOR...] [--write FILE]   every anchor through quant run, beside other tools' models
               QuantCluster.Bench trials [--samples N] [CASE...]   what a trial of the search costs beside plain inference
               QuantCluster.Bench frontier [ANCHOR...] [--write FOLDER] [--jobs FOLDER]   models between fastest and most accurate
               QuantCluster.Bench int4 [--trials N] [ANCHOR...]   4-bit weights: what each correction, and a search, wins back
               QuantCluster.Bench sensitivity [ANCHOR...] [--write FILE]   the ranking of layers beside brute force
               QuantCluster.Bench orders [--steps N] [--bits 8|4] [ANCHOR...]   does the order of layers matter?
               QuantCluster.Bench orders --timed [ANCHOR...]   what five orders with every range cost, by default of OCR
               QuantCluster.Bench pieces [CASE...]   what running candidates in pieces saves
               QuantCluster.Bench objectives [--samples N] [ANCHOR...]   which objective ranks models like the task does?
               QuantCluster.Bench scale [parallel [redis|orleans] [calibrate|trials]] [overhead] [coordinator]   a cluster's stages, its cost an item, its limits
               QuantCluster.Bench histogram [BenchmarkDotNet options]
               QuantCluster.Bench memory CASE SAMPLES WORKERS THREADS   peak memory of one pass in this process
        """);
    return 2;
}
