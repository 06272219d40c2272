using System.Diagnostics;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Verification;

namespace QuantCluster.Search.Sensitivity;

/// <summary>Times every layer in the float model and in a quantized one, run by run in turn, by ONNX Runtime's own profile.</summary>
public static class KernelTiming
{
    private const int WarmUp = 3, LeastRuns = 11, MostRuns = 200;
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(2);

    /// <param name="prepared">The float model.</param>
    /// <param name="quantized">The model with all of <paramref name="layers"/> quantized.</param>
    /// <param name="layers">The layers to time; their ids are tensors of both models.</param>
    /// <param name="sample">What every run is fed.</param>
    /// <param name="threads">Threads of a run, at least 1.</param>
    public static LatencyProfile Measure(
        OnnxModel prepared, OnnxModel quantized, IReadOnlyList<Layer> layers, Sample sample, int threads, CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("quant-profile-");
        try
        {
            using Side reference = new(prepared, folder, "float", threads), integers = new(quantized, folder, "integer", threads);
            long started = Stopwatch.GetTimestamp();
            int runs = 0;
            while (runs < WarmUp + LeastRuns || (runs < WarmUp + MostRuns && Stopwatch.GetElapsedTime(started) < Budget))
            {
                cancellation.ThrowIfCancellationRequested();
                reference.Run(sample);
                integers.Run(sample);
                runs++;
            }

            (double floatMs, IReadOnlyDictionary<string, double> floats) = reference.Finish(layers, runs);
            (double integerMs, IReadOnlyDictionary<string, double> quantizeds) = integers.Finish(layers, runs);
            return new LatencyProfile(
                threads, runs - WarmUp, floatMs, integerMs,
                [.. layers.Select(l => new LayerLatency(l.Id, Find(floats, l.Id), Find(quantizeds, l.Id)))]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double? Find(IReadOnlyDictionary<string, double> times, string id) => times.TryGetValue(id, out double time) ? time : null;

    /// <summary>One of the two models.</summary>
    private sealed class Side : IDisposable
    {
        private readonly OnnxModel _model;
        private readonly string _optimized;
        private readonly ModelSession _session;

        public Side(OnnxModel model, DirectoryInfo folder, string name, int threads)
        {
            _model = KernelOwners.Named(model);
            _optimized = Path.Combine(folder.FullName, name + ".onnx");
            _session = ModelSession.Create(_model, new SessionSettings
            {
                Threads = threads,
                OptimizedModelPath = _optimized,
                ProfilePath = Path.Combine(folder.FullName, name),
                Entries = new Dictionary<string, string> { ["session.force_spinning_stop"] = "1" },
            });
        }

        public void Run(Sample sample) => _session.Run(sample).Dispose();

        /// <summary>Milliseconds of all kernels, and of each layer's.</summary>
        public (double All, IReadOnlyDictionary<string, double> Layers) Finish(IReadOnlyList<Layer> layers, int runs)
        {
            IReadOnlyDictionary<string, string> owners = KernelOwners.Find(_model, OnnxModel.Load(_optimized), layers);
            Dictionary<string, double> sums = [];
            double all = 0;
            foreach ((string node, double[] times) in _session.FinishProfile())
            {
                // In a loop's body a node runs several times a run.
                int executions = Math.Max(1, times.Length / runs);
                double median = PairedComparison.Quantile([.. times.Chunk(executions).Skip(WarmUp).Select(c => c.Sum()).Order()], 0.5);
                all += median;
                if (owners.TryGetValue(node, out string? layer))
                    sums[layer] = sums.GetValueOrDefault(layer) + median;
            }

            return (all, sums);
        }

        public void Dispose() => _session.Dispose();
    }
}
