using System.Diagnostics;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Search.Sensitivity;

/// <summary>Times every layer in the float model and in a quantized one, run by run in turn, by ONNX Runtime's own profile.</summary>
public static class KernelTiming
{
    private const int WarmUp = 3, LeastRuns = 11, MostRuns = 200;

    /// <summary>Time that is enough where nothing presses.</summary>
    public static readonly TimeSpan Unhurried = TimeSpan.FromSeconds(2);

    /// <param name="prepared">The float model.</param>
    /// <param name="quantized">The model with all of <paramref name="layers"/> quantized.</param>
    /// <param name="layers">The layers to time; their ids are tensors of both models.</param>
    /// <param name="sample">What every run is fed.</param>
    /// <param name="threads">Threads of a run, at least 1.</param>
    /// <param name="budget">Time to spend, unless a few runs take longer.</param>
    public static LatencyProfile Measure(
        OnnxModel prepared, OnnxModel quantized, IReadOnlyList<Layer> layers, Sample sample, int threads, TimeSpan budget, CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("quant-profile-");
        try
        {
            using Side reference = new(prepared, folder, "float", threads), integers = new(quantized, folder, "integer", threads);
            long started = Stopwatch.GetTimestamp();
            int runs = 0;
            while (runs < WarmUp + LeastRuns || (runs < WarmUp + MostRuns && Stopwatch.GetElapsedTime(started) < budget))
            {
                cancellation.ThrowIfCancellationRequested();
                reference.Run(sample);
                integers.Run(sample);
                runs++;
            }

            Times floats = reference.Finish(layers, runs), quantizeds = integers.Finish(layers, runs);
            return new LatencyProfile(
                threads, runs - WarmUp, floats.All, quantizeds.All,
                [
                    .. layers.Select(l => new LayerLatency(l.Id, Find(floats.Layers, l.Id), Find(quantizeds.Layers, l.Id))
                    {
                        ConversionMs = Find(quantizeds.Conversions, l.Id),
                    }),
                ]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double? Find(IReadOnlyDictionary<string, double> times, string id) => times.TryGetValue(id, out double time) ? time : null;

    /// <summary>
    /// Mean of the middle half: as little moved by outliers as a median, but finer than the whole microseconds that the
    /// profile gives.
    /// </summary>
    private static double Middle(double[] sorted)
    {
        int cut = sorted.Length / 4;
        return sorted.Length == 0 ? 0 : sorted.AsSpan(cut, sorted.Length - (2 * cut)).ToArray().Average();
    }

    /// <summary>Milliseconds of all kernels, of each layer's, and of what of these is conversion.</summary>
    private sealed record Times(double All, IReadOnlyDictionary<string, double> Layers, IReadOnlyDictionary<string, double> Conversions);

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

        public Times Finish(IReadOnlyList<Layer> layers, int runs)
        {
            OnnxModel optimized = OnnxModel.Load(_optimized);
            IReadOnlyDictionary<string, string> owners = KernelOwners.Find(_model, optimized, layers);
            HashSet<string> converting = [.. optimized.Graph.Nodes.Where(KernelOwners.IsConversion).Select(n => n.Name)];
            Dictionary<string, double> sums = [], conversions = [];
            double all = 0;
            foreach ((string node, double[] times) in _session.FinishProfile())
            {
                // In a loop's body a node runs several times a run.
                int executions = Math.Max(1, times.Length / runs);
                double typical = Middle([.. times.Chunk(executions).Skip(WarmUp).Select(c => c.Sum()).Order()]);
                all += typical;
                if (!owners.TryGetValue(node, out string? layer))
                    continue;
                sums[layer] = sums.GetValueOrDefault(layer) + typical;
                if (converting.Contains(node))
                    conversions[layer] = conversions.GetValueOrDefault(layer) + typical;
            }

            return new Times(all, sums, conversions);
        }

        public void Dispose() => _session.Dispose();
    }
}
