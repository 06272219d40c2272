using System.Collections.Concurrent;
using System.Globalization;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: some layers of a trial, corrected for the inputs they get in it, in graph order.</summary>
internal sealed class CorrectTrial(JobValues values, TrialStore trials, JobSources sources, int threads) : IWorkHandler
{
    public const string KindName = "correct-trial";

    // What is known of the float model on the evidence is measured once.
    private readonly ConcurrentDictionary<(string Model, string Plan, string Samples), LayerCorrector> _correctors = new();

    public string Kind => KindName;

    /// <param name="trial">The trial's blob.</param>
    /// <param name="tool">The program.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="plan">Blob of the plan with every layer that may be asked for.</param>
    /// <param name="data">Identifies the data.</param>
    /// <param name="samples">Indices of the evidence samples.</param>
    public static WorkItem ItemOf(
        BlobId trial, CorrectionRequest request, string tool, BlobId model, BlobId plan, string data, IReadOnlyList<int> samples) => new(
        KindName, trial.Value, [
            tool, model.Value, plan.Value, data, SampleIndices.Format(samples),
            ((int)request.Corrections).ToString(CultureInfo.InvariantCulture), .. request.Layers,
        ])
        {
            // Who corrects a layer keeps its Hessian.
            Affinity = [.. request.Layers.Select(layer => $"{KindName} {model} {layer}")],
            Layers = request.Layers,
        };

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        OnnxModel prepared = await values.ModelAsync(BlobId.Parse(item.Inputs[1]));
        QuantizationPlan all = await values.PlanAsync(BlobId.Parse(item.Inputs[2]));
        Trial trial = await trials.GetAsync(BlobId.Parse(item.Argument), cancellation);
        int[] samples = SampleIndices.Parse(item.Inputs[4]);
        LayerCorrector corrector = _correctors.GetOrAdd(
            (item.Inputs[1], item.Inputs[2], item.Inputs[4]), _ => new LayerCorrector(prepared, all, sources.Data, samples, threads));
        LayerCorrection corrections = (LayerCorrection)int.Parse(item.Inputs[5], CultureInfo.InvariantCulture);
        string[] layers = [.. item.Inputs.Skip(6)];
        QuantizationConfiguration after = layers is [var only]
            ? corrector.Apply(trial.Plan, trial.Configuration, only, corrections, cancellation)
            : new SequentialBiasCorrection(prepared, trial.Plan, sources.Data, samples, threads, corrector)
                .Correct(trial.Configuration, layers.ToHashSet(), corrections, cancellation);
        return ConfigurationFile.ToBytes(new QuantizationConfiguration(
            new Dictionary<string, AffineMapping>(),
            layers.ToDictionary(l => l, l => after.Weights[l]),
            layers.Where(after.Biases.ContainsKey).ToDictionary(l => l, l => after.Biases[l])));
    }

    public static IReadOnlyDictionary<string, CorrectedLayer> Parse(byte[] result)
    {
        QuantizationConfiguration corrected = ConfigurationFile.Parse(result);
        return corrected.Weights.ToDictionary(w => w.Key, w => new CorrectedLayer(w.Value, corrected.Biases.GetValueOrDefault(w.Key)));
    }

    public void Release() => _correctors.Clear();
}
