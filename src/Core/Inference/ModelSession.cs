using System.Buffers;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantCluster.Data;
using QuantCluster.Onnx;

namespace QuantCluster.Inference;

/// <summary>How far ONNX Runtime rewrites a graph before running it.</summary>
public enum GraphOptimization
{
    None,
    Basic,
    Extended,

    /// <summary>ONNX Runtime's default, what users of the emitted model get.</summary>
    All,
}

/// <summary>Settings of a session. Results depend on none of them but <see cref="Optimization"/> and <see cref="Prepacks"/>.</summary>
public sealed record SessionSettings
{
    /// <summary>Threads inside one run; 0 lets ONNX Runtime take every core.</summary>
    public int Threads { get; init; } = 1;

    public GraphOptimization Optimization { get; init; } = GraphOptimization.All;

    /// <summary>Where ONNX Runtime writes the graph it made of the model; null for nowhere.</summary>
    public string? OptimizedModelPath { get; init; }

    /// <summary>How the path begins that every kernel's times are written to (<see cref="ModelSession.FinishProfile"/>); null for none.</summary>
    public string? ProfilePath { get; init; }

    /// <summary>ONNX Runtime optimizers to leave out, e.g. <c>WeightBiasQuantization</c>.</summary>
    public IReadOnlyList<string> DisabledOptimizers { get; init; } = [];

    /// <summary>
    /// Whether kernels lay weights out anew, for faster runs: off, weights in a file stay there, mapped, and take no memory of
    /// their own. Floating-point results may differ in their last bits.
    /// </summary>
    public bool Prepacks { get; init; } = true;

    /// <summary>Session configuration entries as ONNX Runtime names them.</summary>
    public IReadOnlyDictionary<string, string> Entries { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether the arena keeps freed memory. Off, a run's peak is what the run needs; on, runs are faster.
    /// </summary>
    public bool UseArena { get; init; } = true;
}

/// <summary>What a model takes or gives: name, element type and dimensions (−1 where unknown before a run).</summary>
public sealed record ValueSignature(string Name, ElementType Type, long[] Shape)
{
    /// <summary>Names of the symbolic dimensions, empty strings elsewhere; one for each of <see cref="Shape"/>.</summary>
    public IReadOnlyList<string> Symbols { get; init; } = [];
}

/// <summary>
/// A loaded model that can be run: the only place, with <see cref="RunResult"/>, that touches ONNX Runtime.
/// Runs are thread-safe.
/// </summary>
public sealed class ModelSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };

    private ModelSession(InferenceSession session)
    {
        _session = session;
        Inputs = [.. session.InputNames.Select(n => Signature(n, session.InputMetadata[n]))];
        Outputs = [.. session.OutputNames.Select(n => Signature(n, session.OutputMetadata[n]))];
    }

    public IReadOnlyList<ValueSignature> Inputs { get; }

    public IReadOnlyList<ValueSignature> Outputs { get; }

    /// <summary>Version of the ONNX Runtime library in use, e.g. <c>1.30.0</c>.</summary>
    public static string RuntimeVersion => OrtEnv.Instance().GetVersionString();

    /// <exception cref="QuantException">ONNX Runtime does not accept the model.</exception>
    public static ModelSession Create(ReadOnlyMemory<byte> model, SessionSettings settings) =>
        Open(options => new InferenceSession(model.ToArray(), options), settings);

    /// <inheritdoc cref="Create(ReadOnlyMemory{byte}, SessionSettings)"/>
    public static ModelSession Create(OnnxModel model, SessionSettings settings) => model.IsLarge
        ? OpenCopy(model, settings)
        : Open(options => new InferenceSession(model.ToBytes(), options), settings);

    /// <summary>Opens a file; external data is read from beside it.</summary>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model.</exception>
    public static ModelSession Open(string path, SessionSettings settings) =>
        Open(options => new InferenceSession(path, options), settings);

    /// <summary>Runs the model and gives the named outputs (all, in the model's order, by default).</summary>
    public RunResult Run(Sample sample, IReadOnlyCollection<string>? outputs = null) => Run(sample.Inputs, outputs);

    /// <inheritdoc cref="Run(Sample, IReadOnlyCollection{string}?)"/>
    public unsafe RunResult Run(IReadOnlyDictionary<string, DenseTensor> inputs, IReadOnlyCollection<string>? outputs = null)
    {
        List<MemoryHandle> pins = [];
        List<OrtValue> values = [];
        try
        {
            foreach (DenseTensor tensor in inputs.Values)
            {
                MemoryHandle pin = tensor.Bytes.Pin();
                pins.Add(pin);
                values.Add(OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, (TensorElementType)tensor.Type, tensor.Shape, (nint)pin.Pointer, tensor.Bytes.Length));
            }

            string[] names = outputs is null ? [.. _session.OutputNames] : [.. outputs];
            return new RunResult(names, _session.Run(_runOptions, [.. inputs.Keys], values, names));
        }
        catch (OnnxRuntimeException e)
        {
            throw new QuantException(ExitCode.BadModel, $"ONNX Runtime could not run the model: {FirstLine(e.Message)}", e);
        }
        finally
        {
            foreach (OrtValue value in values)
                value.Dispose();
            foreach (MemoryHandle pin in pins)
                pin.Dispose();
        }
    }

    /// <summary>
    /// Milliseconds of every kernel in each run so far, in order, by the name of its node in the optimized model. Only
    /// where <see cref="SessionSettings.ProfilePath"/> is set; nothing is written from then on.
    /// </summary>
    public IReadOnlyDictionary<string, double[]> FinishProfile() => KernelTimes.Read(_session.EndProfiling());

    public void Dispose()
    {
        _session.Dispose();
        _runOptions.Dispose();
    }

    private static ModelSession Open(Func<SessionOptions, InferenceSession> open, SessionSettings settings)
    {
        using SessionOptions options = new()
        {
            GraphOptimizationLevel = settings.Optimization switch
            {
                GraphOptimization.None => GraphOptimizationLevel.ORT_DISABLE_ALL,
                GraphOptimization.Basic => GraphOptimizationLevel.ORT_ENABLE_BASIC,
                GraphOptimization.Extended => GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
                _ => GraphOptimizationLevel.ORT_ENABLE_ALL,
            },
            IntraOpNumThreads = settings.Threads,
            InterOpNumThreads = 1,
            EnableCpuMemArena = settings.UseArena,
            // What fails is thrown and told to the user in our words; on stderr it would only be noise.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        if (settings.OptimizedModelPath is { } path)
            options.OptimizedModelFilePath = path;
        if (settings.ProfilePath is { } profile)
        {
            options.ProfileOutputPathPrefix = profile;
            options.EnableProfiling = true;
        }

        if (settings.DisabledOptimizers.Count > 0)
            options.AddSessionConfigEntry("optimization.disable_specified_optimizers", string.Join(';', settings.DisabledOptimizers));
        if (!settings.Prepacks)
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
        foreach ((string key, string value) in settings.Entries)
            options.AddSessionConfigEntry(key, value);
        try
        {
            return new ModelSession(open(options));
        }
        catch (OnnxRuntimeException e)
        {
            throw new QuantException(ExitCode.BadModel, $"ONNX Runtime does not accept the model: {FirstLine(e.Message)}", e);
        }
    }

    /// <summary>A large model opens from files, which ONNX Runtime has read or mapped when this returns.</summary>
    private static ModelSession OpenCopy(OnnxModel model, SessionSettings settings)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("quant-model-");
        try
        {
            return Open(model.SaveLinked(folder.FullName), settings);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static ValueSignature Signature(string name, NodeMetadata metadata) => metadata.IsTensor
        ? new ValueSignature(name, (ElementType)metadata.ElementDataType, [.. metadata.Dimensions.Select(d => (long)d)]) { Symbols = metadata.SymbolicDimensions }
        : new ValueSignature(name, ElementType.Undefined, []);

    private static string FirstLine(string message) => message.Split('\n', 2)[0].Trim();
}
