using System.Globalization;
using System.Text;
using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Search.Orders;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>
/// Does order matter? Every anchor's layers are quantized along every order and two random ones, ranges chosen and
/// corrections made on the way; with all layers on integers, the spread between the orders on held-back samples.
/// </summary>
internal static class OrdersBench
{
    private static readonly (string Name, string Model)[] Anchors =
    [
        ("mobilenetv1", "mobilenetv1_0.75_224"), ("squeezenet", "squeezenet1.1"), ("resnet20", "resnet20_cifar10"), ("ocr", "ppocrv4_rec"),
        ("kws", "kws_dscnn_fp32"), ("vit", "vit_pgd_2_3_16"), ("sst2", "sst2_encoder"), ("stories", "stories260K"),
    ];

    public static int Run(int trials, string[] names)
    {
        if (AnchorFolder.Find() is not { } anchors)
        {
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): nothing to measure.");
            return 0;
        }

        Console.WriteLine("| anchor | layers | trials | best order | its error | median | worst order | its error | worst − best ± standard error | verdict |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach ((string name, string model) in Anchors.Where(a => names.Length == 0 || names.Contains(a.Name)))
            Console.WriteLine(Row(name, Search(Path.Combine(anchors, "models", model + ".onnx"), Path.Combine(anchors, "cases", name + ".calib.json"), trials)));
        return 0;
    }

    private static SearchOutcome Search(string model, string data, int trials)
    {
        using ScratchFolder folder = new();
        JobSettings settings = new();
        using JobSources sources = JobSources.Open(model, data, null, settings);
        string job = Path.Combine(folder.Path, "job");
        JobSpecification specification = new()
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = Path.Combine(folder.Path, "out.onnx"),
            Settings = settings,
            Search = new SearchSettings { Orders = [.. LayerOrders.All.Select(o => o.Name), "random-1", "random-2"], Trials = trials },
        };
        using JobDirectory directory = JobDirectory.Create(job, specification);
        new QuantizationJob(directory, sources, new LocalEngine(QuantizationJob.WorkersOf(settings))).RunAsync(default).GetAwaiter().GetResult();
        return SearchOutcomeFile.Load(job);
    }

    private static string Row(string name, SearchOutcome search)
    {
        int all = search.Start.Quantized;
        SearchPointOutcome[] ends =
        [
            .. search.Curves.Select(c => search.Points.LastOrDefault(p => p.Origin == c.Order && p.Quantized == all && p.ValidationErrors is not null))
                .OfType<SearchPointOutcome>().OrderBy(p => p.ValidationErrors!.Average()),
        ];
        if (ends.Length < 2)
            return $"| {name} | {all} | {search.Trials} | too few trials to walk two orders | | | | | | |";
        SearchPointOutcome best = ends[0], worst = ends[^1];
        PairedGain gain = PairedGain.Of([.. worst.ValidationErrors!], [.. best.ValidationErrors!]);
        double median = (Error(ends[(ends.Length - 1) / 2]) + Error(ends[ends.Length / 2])) / 2;
        string verdict = gain.IsSignificant(2) ? "order matters" : "tie";
        return new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"| {name} | {all} | {search.Trials} | {best.Origin} | {Error(best):0.00e+0} | {median:0.00e+0} | {worst.Origin} | {Error(worst):0.00e+0} | {gain.Mean:0.00e+0} ± {gain.StandardError:0.0e+0} | {verdict} |").ToString();
    }

    private static double Error(SearchPointOutcome point) => point.ValidationErrors!.Average();
}
