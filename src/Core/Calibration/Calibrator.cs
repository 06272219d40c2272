using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Calibration;

/// <summary>Runs a model over samples and gathers statistics of its tensors in one pass.</summary>
public static class Calibrator
{
    /// <summary>A copy of <paramref name="model"/> that gives every tapped tensor that is not a model input.</summary>
    public static OnnxModel Tap(OnnxModel model, IReadOnlyList<TapRequest> taps)
    {
        HashSet<string> inputs = [.. model.Graph.RequiredInputs.Select(i => i.Name)];
        foreach (TapRequest tap in taps)
        {
            if (!inputs.Contains(tap.Tensor) && model.Graph.Producer(tap.Tensor) is null)
                throw new ArgumentException($"the model has no tensor {tap.Tensor} to tap", nameof(taps));
        }

        return TensorProbe.WithOutputs(model, taps.Select(t => t.Tensor).Where(t => !inputs.Contains(t)));
    }

    /// <summary>
    /// One work item: statistics of the samples whose indices are in <paramref name="block"/>. The result depends on
    /// the model, the taps and the samples alone; <see cref="CalibrationStatistics.Merge(IEnumerable{BlockStatistics})"/>
    /// adds blocks up.
    /// </summary>
    /// <param name="tapped">A session of a model from <see cref="Tap"/>; others may run it at the same time.</param>
    /// <param name="taps">Tensor names are unique.</param>
    /// <param name="data">Samples that fit the model.</param>
    /// <param name="block">Sample indices; must lie inside the dataset.</param>
    /// <param name="threads">Threads that count, like those the session runs with; 0 for every core.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    /// <exception cref="QuantException">The model does not run on a sample, or a tapped tensor is not float32.</exception>
    public static BlockStatistics CalibrateBlock(
        ModelSession tapped, IReadOnlyList<TapRequest> taps, IDataset data, Range block, int threads, CancellationToken cancellation)
    {
        (int first, int count) = block.GetOffsetAndLength(data.Count);
        using TapRun run = new(tapped, taps, threads);
        for (int sample = first; sample < first + count; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            run.Add(data.Read(sample));
        }

        return new BlockStatistics(first, count, run.ToStatistics());
    }

    /// <summary>
    /// The whole pass: blocks of <see cref="CalibrationSettings.BlockSize"/> samples over parallel workers.
    /// The same bits come out for any number of workers and threads.
    /// </summary>
    /// <param name="prepared">The model whose tensors are named in <paramref name="taps"/>.</param>
    /// <param name="taps">Tensor names are unique.</param>
    /// <param name="data">Samples that fit the model.</param>
    /// <param name="settings">How to run.</param>
    /// <param name="progress">Told after every sample, from any worker.</param>
    /// <param name="cancellation">Looked at before every sample.</param>
    /// <exception cref="QuantException">The model does not run on a sample, or a tapped tensor is not float32.</exception>
    public static CalibrationStatistics Calibrate(
        OnnxModel prepared,
        IReadOnlyList<TapRequest> taps,
        IDataset data,
        CalibrationSettings settings,
        IProgress<CalibrationProgress>? progress,
        CancellationToken cancellation)
    {
        using ModelSession session = OpenTapped(prepared, taps, settings.Threads);
        return Calibrate(session, taps, data, settings, progress, cancellation);
    }

    /// <summary>The session a pass runs: of the tapped model. What was needed before and no longer is leaves memory first.</summary>
    public static ModelSession OpenTapped(OnnxModel prepared, IReadOnlyList<TapRequest> taps, int threads)
    {
        UnusedMemory.Return();
        // Its threads must not spin while the values they made are counted.
        SessionSettings settings = new() { Threads = threads, Entries = new Dictionary<string, string> { ["session.force_spinning_stop"] = "1" } };
        ModelSession session = ModelSession.Create(Tap(prepared, taps), settings);
        UnusedMemory.Return();
        return session;
    }

    /// <inheritdoc cref="Calibrate(OnnxModel, IReadOnlyList{TapRequest}, IDataset, CalibrationSettings, IProgress{CalibrationProgress}?, CancellationToken)"/>
    /// <param name="tapped">A session of a model from <see cref="Tap"/>.</param>
    public static CalibrationStatistics Calibrate(
        ModelSession tapped,
        IReadOnlyList<TapRequest> taps,
        IDataset data,
        CalibrationSettings settings,
        IProgress<CalibrationProgress>? progress,
        CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.BlockSize, 1);
        CalibrationPass pass = new(tapped, taps, data, settings, progress);
        return pass.Run(cancellation);
    }
}
