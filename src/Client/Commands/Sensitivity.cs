using System.CommandLine;
using System.Text;
using QuantCluster.Jobs;
using QuantCluster.Reporting;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant sensitivity MODEL --data SPEC</c>: what each layer's quantization costs the whole model.</summary>
internal static class Sensitivity
{
    private static readonly Argument<string> Model = new("MODEL") { Description = "The trained model, an .onnx file." };
    private static readonly Option<string> Data = new("--data") { HelpName = "SPEC.json", Required = true, Description = "Representative inputs: a data spec, or a bare file or folder when the model has one input." };
    private static readonly Option<int?> Samples = CountOption.Create("--samples", "Judge on N samples, spread over the data. Default: as many as cost a tenth of brute force, those that show more error more often. Ranges come from all of the data.");
    private static readonly Option<bool> Latency = new("--latency") { Description = "Also time each layer in the float and in the INT8 model, conversions beside it included." };
    private static readonly Option<string> Out = new("--out", "-o") { HelpName = "FILE.json", Description = "Where the result is written." };
    private static readonly Option<string> Svg = new("--svg") { HelpName = "FILE.svg", Description = "Also draw it: one bar a layer." };
    private static readonly Option<string> Job = new("--job") { HelpName = "DIR", Description = "Folder of finished trials, which are not done again. Default: one for the model among the system's temporary files." };
    private static readonly Option<string> Method = new("--method") { HelpName = "NAME", DefaultValueFactory = _ => "auto", Description = "How ranges of activations are chosen: auto, minmax, percentile, entropy or mse." };
    private static readonly Option<string> Granularity = new("--granularity") { HelpName = "channel|tensor", DefaultValueFactory = _ => "channel", Description = "One scale for each output channel of a weight, or one for the whole tensor." };
    private static readonly Option<string> WeightRange = new("--weight-range") { HelpName = "minmax|mse", DefaultValueFactory = _ => "minmax", Description = "Weights reach to the greatest of their channel, or are clipped where that lowers the squared error." };
    private static readonly Option<int?> Threads = CountOption.Create("--threads", "Threads in all. Default: every core. Never changes the result.");
    private static readonly Option<int?> Workers = CountOption.Create("--workers", "Trials at a time. Default: one a thread, at most 4. Never changes the result.");
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };

    public static Command Create()
    {
        Method.AcceptOnlyFromAmong("auto", "minmax", "percentile", "entropy", "mse");
        Granularity.AcceptOnlyFromAmong("channel", "tensor");
        WeightRange.AcceptOnlyFromAmong("minmax", "mse");
        Command command = new("sensitivity", "Measures what each layer's quantization costs the whole model: only it quantized, and all but it.")
        {
            Model, Data, Samples, Latency, Out, Svg, Job, Method, Granularity, WeightRange, Threads, Workers, Json,
        };
        command.SetAction((parsed, _) => ExecuteAsync(parsed));
        return command;
    }

    /// <summary>Runs an opened job and shows what came of it.</summary>
    public static async Task<int> RunAsync(JobDirectory job, JobSources sources, bool json, Interruption interruption, string? svg = null)
    {
        interruption.Farewell = "quant: stopped. Finished trials are kept: the same command goes on.";
        try
        {
            int workers = QuantizationJob.WorkersOf(job.Specification.Settings);
            SensitivityResult result = await ProgressDisplay.ShowAsync(progress =>
                new SensitivityJob(job, sources, new LocalEngine(workers), progress).RunAsync(interruption.Token));
            if (svg is not null)
                SensitivityFiles.Draw(result, svg);
            if (json)
                Console.Out.Write(Encoding.UTF8.GetString(SensitivityFile.ToBytes(result)));
            else
                SensitivityScreen.Show(result, job);
            return (int)ExitCode.Success;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            interruption.SayFarewell();
            return (int)ExitCode.Cancelled;
        }
    }

    private static async Task<int> ExecuteAsync(ParseResult parsed)
    {
        string? output = parsed.GetValue(Out) is { } path ? Path.GetFullPath(path) : null, given = parsed.GetValue(Job);
        if (output is not null)
            AtomicFile.EnsureWritable(output, "--out");
        string? svg = parsed.GetValue(Svg) is { } drawing ? Path.GetFullPath(drawing) : null;
        if (svg is not null)
            AtomicFile.EnsureWritable(svg, "--svg");
        JobSettings settings = new()
        {
            Method = Enum.Parse<RangeMethod>(parsed.GetValue(Method)!, ignoreCase: true),
            Granularity = Enum.Parse<WeightGranularity>(parsed.GetValue(Granularity)!, ignoreCase: true),
            WeightRange = Enum.Parse<WeightRangeMethod>(parsed.GetValue(WeightRange)!, ignoreCase: true),
            Threads = parsed.GetValue(Threads) ?? 0,
            Workers = parsed.GetValue(Workers) ?? 0,
        };
        using Interruption interruption = new();
        using JobSources sources = JobSources.Open(parsed.GetValue(Model)!, parsed.GetValue(Data), null, settings, interruption.Token);
        foreach (string assumption in sources.Assumptions)
            Console.Error.WriteLine($"quant: {assumption}");
        JobSpecification specification = new()
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = output ?? "",
            Settings = settings,
            Sensitivity = new SensitivitySettings
            {
                Samples = parsed.GetValue(Samples) ?? SensitivitySettings.Default.Samples,
                Latency = parsed.GetValue(Latency),
            },
        };
        using JobDirectory job = JobDirectory.Create(given ?? TemporaryFolder(sources.ModelInput), specification);
        return await RunAsync(job, sources, parsed.GetValue(Json), interruption, svg);
    }

    /// <summary>Where trials of this model are found again; nobody else may put results there.</summary>
    private static string TemporaryFolder(JobInput model)
    {
        string path = Path.Combine(Path.GetTempPath(), $"quant-sensitivity-{Environment.UserName}-{model.Sha256[..16]}");
        if (OperatingSystem.IsWindows())
            return path;
        UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        try
        {
            if ((Directory.CreateDirectory(path, own).UnixFileMode & ~own) == 0)
                return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the folder of finished trials cannot be made: {e.Message} Choose one with --job.", e);
        }

        throw new QuantException(ExitCode.CannotWrite, $"{path}: is open to other users. Remove it, or choose another folder with --job.");
    }
}
