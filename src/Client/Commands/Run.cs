using System.CommandLine;
using System.CommandLine.Parsing;
using QuantCluster.Corrections;
using QuantCluster.Jobs;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant run MODEL --data SPEC --out OUT</c>: from a trained model to a verified INT8 model.</summary>
internal static class Run
{
    private static readonly Argument<string> Model = new("MODEL") { Description = "The trained model, an .onnx file." };
    private static readonly Option<string> Data = new("--data") { HelpName = "SPEC.json", Description = "Representative inputs: a data spec, or a bare file or folder when the model has one input." };
    private static readonly Option<string> Evaluation = new("--eval") { HelpName = "SPEC.json", Description = "Held-out inputs to verify on. Default: the calibration data, which flatters." };
    private static readonly Option<string> Statistics = new("--statistics") { HelpName = "FILE", Description = "Statistics that 'quant calibrate' wrote, instead of a calibration pass. The result is the same." };
    private static readonly Option<string> Out = new("--out", "-o") { HelpName = "OUT.onnx", Required = true, Description = "Where the INT8 model is written, at the very end and whole." };
    private static readonly Option<string> Job = new("--job") { HelpName = "DIR", Description = "The job's folder, for 'quant resume'. Default: OUT without its extension, plus '.job'." };
    private static readonly Option<string> Method = Choice("--method", "How ranges of activations are chosen.", "auto", "minmax", "percentile", "entropy", "mse");
    private static readonly Option<string> Granularity = Choice("--granularity", "One scale for each output channel of a weight, or one for the whole tensor.", "channel", "tensor");
    private static readonly Option<string> WeightRange = Choice("--weight-range", "Weights reach to the greatest of their channel, or are clipped where that lowers the squared error.", "minmax", "mse");
    private static readonly Option<string> Weights = Choice("--weights", "Bits of a weight. INT4 halves the size of the weights, at a loss; it runs on the same kernels. auto: INT8, and with --max-size or --frontier also models with INT4 in the layers where it costs least.", "int8", "int4", "auto");
    private static readonly Option<string> Correct = Choice("--correct", "Corrections after the ranges: the one that lowers the error on held-back samples, if any (auto), none, bias correction, Hessian-aware rounding and bias correction, or both after equalizing channels or smoothing the inputs of matrix products.", "auto", "none", "bias", "hessian", "equalize", "smooth");
    private static readonly Option<int?> Samples = CountOption.Create("--samples", "Use only the first N calibration samples.");
    private static readonly Option<int?> Synthetic = CountOption.Create("--synthetic", "Calibrate on N random samples. For trying things out only: real ranges need real data.");
    private static readonly Option<int?> Threads = CountOption.Create("--threads", "Threads in all. Default: every core. Never changes the result.");
    private static readonly Option<int?> Workers = CountOption.Create("--workers", "Work items at a time. Default: one a thread, at most 4. Never changes the result.");
    private static readonly Option<string> Report = new("--report") { HelpName = "DIR", Description = "Folder of the report. Default: 'report' in the job's folder." };
    private static readonly Option<double?> MinimumSqnr = new("--min-sqnr") { HelpName = "DB", Description = "Fail (exit code 6, nothing at OUT) below this signal to noise ratio." };
    private static readonly Option<double?> MaximumDrop = new("--max-drop") { HelpName = "X", Description = "Fail (exit code 6, nothing at OUT) when the task metric falls by more than this." };
    private static readonly Option<string> MaximumLatency = LimitOption.Create("--max-latency", "MS|N%", "The most a run may take, in milliseconds or percent of the float model's: the most accurate model within it, measured on this machine. None: exit code 6.", "ms", "us", "s");
    private static readonly Option<string> MaximumSize = LimitOption.Create("--max-size", "MB|N%", "The most the model may have (2.5MB, 800kB, 40%): the most accurate model within it. None: exit code 6.", "GB", "MB", "kB", "B");
    private static readonly Option<int?> FrontierPoints = CountOption.Create("--frontier", "Also make up to N models between fastest and most accurate, beside OUT in the folder OUT.frontier; see 'quant frontier'.");
    private static readonly Option<string> Tolerance = LimitOption.Create("--tolerance", "N%", "How much worse the task may be on held-back samples before layers go back to float for it, as long as the model stays faster than float by estimate. Known where the calibration data have a metric, and of language models. Default: 0.1%; none with --weights int4.");
    private static readonly Option<string[]> KeepFloat = new("--keep-float") { HelpName = "LAYER", AllowMultipleArgumentsPerToken = true, Description = "Layers that stay float, by node or output tensor ('quant inspect' names them)." };
    private static readonly Option<string> FloatWeights = Choice("--float-weights", "How the weights of layers that compute in float are stored: as INT8 where held-back samples allow it (auto; not those that --keep-float names), as they are (float), or all as INT8 (int8). The speed is that of float.", "auto", "float", "int8");
    private static readonly Option<string> Speed = Choice("--speed", "What timings on this machine may decide: layers go back to float only if the model is slower than float else (auto), wherever they do not pay (measured), or never, so that bytes are the same everywhere (ignore). Exit code 8: float is best here.", "auto", "measured", "ignore");
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };

    /// <summary>What a job is made of and asked for, whoever does it: <c>quant submit</c> takes the same.</summary>
    public static IEnumerable<Option> JobOptions => Create().Options.Where(o => o != Out && o != Job && o != Report && o != Json);

    public static Command Create()
    {
        Command command = new("run", "Quantizes a trained model: prepare, plan, calibrate, ranges, correct, emit, verify.")
        {
            Model, Data, Evaluation, Statistics, Out, Job, Method, Granularity, WeightRange, Weights, Correct, SearchOptions.Effort, SearchOptions.Objective, SearchOptions.Budget, SearchOptions.Trials, SearchOptions.Beam, SearchOptions.Slowdown, Samples, Synthetic, Threads, Workers, Report, MinimumSqnr, MaximumDrop, MaximumLatency, MaximumSize, FrontierPoints, Tolerance, KeepFloat, FloatWeights, Speed, Json,
        };
        command.Validators.Add(CheckSources);
        command.SetAction((parsed, _) => ExecuteAsync(parsed));
        return command;
    }

    private static async Task<int> ExecuteAsync(ParseResult parsed)
    {
        FirstUse.Begin();
        string output = Path.GetFullPath(parsed.GetValue(Out)!);
        AtomicFile.EnsureWritable(output, "--out");
        string? report = parsed.GetValue(Report) is { } folder ? OutputFolder.Create(folder, "the report's folder") : null;
        string model = parsed.GetValue(Model)!;
        if (Path.GetFullPath(model) == output)
            throw new QuantException(ExitCode.Usage, $"{output}: --out names the model itself. Choose another file.");
        string? given = parsed.GetValue(Job);
        string directory = Path.GetFullPath(given ?? Path.Combine(Path.GetDirectoryName(output)!, Path.GetFileNameWithoutExtension(output) + ".job"));
        using Interruption interruption = new();
        using JobSources sources = Open(parsed, model, interruption.Token);
        JobSpecification specification = Specify(parsed, sources, output, report);
        using JobDirectory job = given is null
            ? JobDirectory.CreateAnew(directory, specification)
            : JobDirectory.Create(directory, specification);
        return await JobExecution.RunAsync(job, sources, parsed.GetValue(Json), interruption);
    }

    /// <summary>Opens and checks what <see cref="JobOptions"/> name.</summary>
    public static JobSources Open(ParseResult parsed, string model, CancellationToken cancellation) =>
        JobSources.Open(model, parsed.GetValue(Data), parsed.GetValue(Evaluation), Settings(parsed), cancellation);

    /// <summary>The job that <see cref="JobOptions"/> ask for.</summary>
    public static JobSpecification Specify(ParseResult parsed, JobSources sources, string output, string? report)
    {
        JobSettings settings = Settings(parsed);
        return new JobSpecification
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Evaluation = sources.EvaluationInput,
            Statistics = parsed.GetValue(Statistics) is { } statistics ? JobSources.StatisticsInput(statistics) : null,
            Output = output,
            Report = report,
            Settings = settings,
            Search = SearchOptions.Read(parsed, settings),
        };
    }

    private static JobSettings Settings(ParseResult parsed) => new()
    {
        Method = Enum.Parse<RangeMethod>(parsed.GetValue(Method)!, ignoreCase: true),
        Granularity = Enum.Parse<WeightGranularity>(parsed.GetValue(Granularity)!, ignoreCase: true),
        WeightRange = Enum.Parse<WeightRangeMethod>(parsed.GetValue(WeightRange)!, ignoreCase: true),
        Weights = Enum.Parse<WeightType>(parsed.GetValue(Weights)!, ignoreCase: true),
        Correct = Enum.Parse<CorrectionMode>(parsed.GetValue(Correct)!, ignoreCase: true),
        Samples = parsed.GetValue(Samples),
        Synthetic = parsed.GetValue(Synthetic),
        Threads = parsed.GetValue(Threads) ?? 0,
        Workers = parsed.GetValue(Workers) ?? 0,
        MinimumSqnr = parsed.GetValue(MinimumSqnr),
        MaximumDrop = parsed.GetValue(MaximumDrop),
        MaximumLatency = LimitOption.Read(parsed.GetValue(MaximumLatency), "ms", "us", "s"),
        MaximumSize = LimitOption.Read(parsed.GetValue(MaximumSize), "GB", "MB", "kB", "B"),
        Frontier = parsed.GetValue(FrontierPoints),
        Tolerance = 100 * LimitOption.ReadShare(parsed.GetValue(Tolerance), "--tolerance", "0.1%"),
        KeepFloat = parsed.GetValue(KeepFloat) is { Length: > 0 } floats ? floats : null,
        FloatWeights = Enum.Parse<FloatWeights>(parsed.GetValue(FloatWeights)!, ignoreCase: true),
        Speed = Enum.Parse<SpeedMode>(parsed.GetValue(Speed)!, ignoreCase: true),
    };

    /// <summary>Data, or random samples, but not both.</summary>
    public static void CheckSources(CommandResult result)
    {
        bool data = result.GetResult(Data) is not null, synthetic = result.GetResult(Synthetic) is not null;
        if (!data && !synthetic)
            result.AddError("No data: give --data SPEC.json. (Random inputs only on request: --synthetic N.)");
        else if (data && synthetic)
            result.AddError("--data and --synthetic exclude each other.");
    }

    private static Option<string> Choice(string name, string description, params string[] values)
    {
        Option<string> option = new(name) { Description = description, DefaultValueFactory = _ => values[0], HelpName = string.Join('|', values) };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
