using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Preparation;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>
/// The files a job starts from, opened and checked: the model is one that ONNX Runtime runs, the data fit it and hold
/// no NaN. Everything a user can get wrong is found here, before any work.
/// </summary>
public sealed class JobSources : IDisposable
{
    private Lazy<ITaskMetric?> _dataTask = new(() => null);
    private readonly List<string> _assumptions = [];
    private ModelSession? _session;

    private JobSources(string modelPath)
    {
        string full = Path.GetFullPath(modelPath);
        if (Directory.Exists(full))
            throw new QuantException(ExitCode.BadModel, $"{modelPath}: is a folder; give the .onnx file.");
        Model = Accept(modelPath);
        // Both read the file and take a core for as long.
        OnnxModel model = Model;
        Task<string> hash = System.Threading.Tasks.Task.Run(() => ModelHash(full, model));
        _session = ModelSession.Open(full, new SessionSettings { Optimization = GraphOptimization.None, UseArena = false, Prepacks = !Model.IsLarge });
        Inputs = _session.Inputs;
        ModelInput = new JobInput(full, hash.GetAwaiter().GetResult());
    }

    /// <summary>The float model as it was read; null after <see cref="ReleaseModel"/>.</summary>
    public OnnxModel? Model { get; private set; }

    /// <summary>A session of it, not optimized, for who closes it; null from the second time on and after <see cref="ReleaseModel"/>.</summary>
    public ModelSession? TakeSession()
    {
        ModelSession? taken = _session;
        _session = null;
        return taken;
    }

    /// <summary>What the model takes.</summary>
    public IReadOnlyList<ValueSignature> Inputs { get; }

    public JobInput ModelInput { get; }

    /// <summary>The calibration data; synthetic where that was asked for.</summary>
    public IDataset Data { get; private set; } = null!;

    /// <summary>Path and hash of the calibration data; null for synthetic data.</summary>
    public JobInput? DataInput { get; private set; }

    /// <summary>The held-out data; the calibration data where there are none.</summary>
    public IDataset Evaluation { get; private set; } = null!;

    public JobInput? EvaluationInput { get; private set; }

    /// <summary>How the task is judged on <see cref="Evaluation"/>; null where the data say nothing of it.</summary>
    public ITaskMetric? Task { get; private set; }

    /// <summary>How the task is judged on <see cref="Data"/>; null where the data say nothing of it.</summary>
    /// <exception cref="QuantException">They name a metric, but not what it needs.</exception>
    public ITaskMetric? DataTask => _dataTask.Value;

    /// <summary>What was assumed of data given without a spec, for the user to read.</summary>
    public IReadOnlyList<string> Assumptions => _assumptions;

    /// <summary>Opens and checks the sources of a new job.</summary>
    /// <param name="model">The model's file.</param>
    /// <param name="data">A spec, a data file or a folder; null for synthetic data.</param>
    /// <param name="evaluation">Likewise; null for the calibration data.</param>
    /// <param name="settings">Number of samples, and of synthetic ones where <paramref name="data"/> is null.</param>
    /// <exception cref="QuantException">Something is missing, unreadable, or does not fit.</exception>
    public static JobSources Open(string model, string? data, string? evaluation, JobSettings settings, CancellationToken cancellation = default)
    {
        JobSources sources = OpenUnchecked(model, data, evaluation, settings);
        try
        {
            Datasets.Validate(sources.Data, cancellation);
            if (!ReferenceEquals(sources.Evaluation, sources.Data))
                Datasets.Validate(sources.Evaluation, cancellation);
            return sources;
        }
        catch
        {
            sources.Dispose();
            throw;
        }
    }

    /// <summary>Opens the sources of an existing job again.</summary>
    /// <exception cref="QuantException">One of them is gone, or is not what it was.</exception>
    public static JobSources Reopen(JobSpecification job)
    {
        JobSources sources = OpenUnchecked(job.Model.Path, job.Data?.Path, job.Evaluation?.Path, job.Settings);
        try
        {
            RequireSame(job.Model, sources.ModelInput);
            RequireSame(job.Data, sources.DataInput);
            RequireSame(job.Evaluation, sources.EvaluationInput);
            if (job.Statistics is { } statistics)
                RequireSame(statistics, StatisticsInput(statistics.Path));
            return sources;
        }
        catch
        {
            sources.Dispose();
            throw;
        }
    }

    /// <summary>A file that <c>quant calibrate</c> wrote, read once to see that it is one.</summary>
    /// <exception cref="QuantException">It is not there, or is something else.</exception>
    public static JobInput StatisticsInput(string path)
    {
        _ = CalibrationStatistics.Load(path);
        return new JobInput(Path.GetFullPath(path), ContentHash.OfFile(path));
    }

    /// <summary>Lets the model's memory go: after preparation only the prepared model is needed.</summary>
    public void ReleaseModel()
    {
        TakeSession()?.Dispose();
        Model = null;
    }

    public void Dispose()
    {
        ReleaseModel();
        Data?.Dispose();
        Evaluation?.Dispose();
    }

    private static JobSources OpenUnchecked(string model, string? data, string? evaluation, JobSettings settings)
    {
        JobSources sources = new(model);
        try
        {
            DatasetSpec? spec = null;
            if (data is null)
                sources.Data = Datasets.Synthetic(sources.Inputs, settings.Synthetic ?? throw new ArgumentNullException(nameof(data)), seed: 0);
            else
                (spec, sources.Data, sources.DataInput) = sources.OpenData(data);
            DatasetSpec? calibration = spec;
            int records = sources.Data.RecordCount;
            if (settings.Samples is { } samples)
                sources.Data = new FirstSamples(sources.Data, samples);
            (int All, int Used)? part = sources.Data.RecordCount < records ? (records, sources.Data.RecordCount) : null;
            sources._dataTask = new Lazy<ITaskMetric?>(() => TaskOf(calibration, part));
            if (evaluation is null)
                sources.Evaluation = sources.Data;
            else
                (spec, sources.Evaluation, sources.EvaluationInput) = sources.OpenData(evaluation);
            sources.Task = TaskOf(spec, evaluation is null ? part : null);
            if (settings.MaximumDrop is not null && sources.Task is null)
                throw new QuantException(ExitCode.Usage, Gates.NeedsTask);
            return sources;
        }
        catch
        {
            sources.Dispose();
            throw;
        }
    }

    /// <param name="part">How many records the data have and how many of them are used; null where that is all.</param>
    private static ITaskMetric? TaskOf(DatasetSpec? spec, (int All, int Used)? part)
    {
        if (spec?.Metric is not { } metric)
            return null;
        Labels? labels = spec.Labels is { } path ? Labels.Load(path) : null;
        if (part is { } p && labels?.Count == p.All)
            labels = labels.First(p.Used);
        return TaskMetrics.Create(metric, new TaskTruth { Classes = labels?.Classes, Texts = labels?.Texts, Dictionary = spec.Dictionary });
    }

    private static void RequireSame(JobInput? then, JobInput? now)
    {
        if (then is not null && then.Sha256 != now?.Sha256)
            throw new QuantException(ExitCode.BadData, $"{then.Path}: has changed since the job began. Start anew with 'quant run'.");
    }

    private static OnnxModel Accept(string path)
    {
        OnnxModel model = OnnxModel.Load(path);
        try
        {
            ModelAcceptance.Check(model);
            return model;
        }
        catch (QuantException e)
        {
            throw new QuantException(e.Code, $"{path}: {e.Message}", e);
        }
    }

    /// <summary>External data are part of the model: their files are hashed as well.</summary>
    private static string ModelHash(string path, OnnxModel model)
    {
        using ContentHash hash = new();
        hash.Add(ContentHash.OfFile(path));
        if (!model.KeepsDataApart)
            return hash.Finish();
        IEnumerable<string> files = ModelTensors.Of(OnnxModel.Load(path, readExternalData: false).Proto)
            .SelectMany(t => t.ExternalData.Where(e => e.Key == "location").Select(e => e.Value));
        foreach (string file in files.Distinct().Order(StringComparer.Ordinal))
            hash.Add(file).Add(ContentHash.OfFile(Path.Combine(Path.GetDirectoryName(path)!, file)));
        return hash.Finish();
    }

    private (DatasetSpec Spec, IDataset Data, JobInput Input) OpenData(string path)
    {
        DatasetSpec spec = DatasetSpec.FromArgument(path, Inputs, out string? assumption);
        if (assumption is not null)
            _assumptions.Add(assumption);
        IDataset data = Datasets.Open(spec, Inputs);
        if (data.Count > 0)
            return (spec, data, new JobInput(Path.GetFullPath(path), spec.ContentHash()));
        data.Dispose();
        throw new QuantException(ExitCode.BadData, $"{path}: holds no samples.");
    }
}
