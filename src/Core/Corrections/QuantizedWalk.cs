using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Corrections;

/// <summary>
/// Runs an emitted model over a fixed set of samples in pieces: up to one layer, stop, go on to the next. Every node
/// runs once a sample however often the walk stops, and a layer may be changed before the walk passes it. Between
/// pieces only the tensors still to be read are kept, integers as integers.
/// </summary>
internal sealed class QuantizedWalk
{
    private readonly OnnxModel _model;
    private readonly IDataset _data;
    private readonly IReadOnlyList<int> _samples;
    private readonly int _threads;
    private readonly Dictionary<string, int> _lastRead = [];
    private readonly Dictionary<string, int> _position = [];
    private readonly Dictionary<string, DenseTensor[]> _kept = [];
    private int _next;

    /// <param name="threads">Samples that run side by side; 0 for every core. Does not change the result.</param>
    public QuantizedWalk(OnnxModel emitted, IDataset data, IReadOnlyList<int> samples, int threads)
    {
        _model = emitted;
        _data = data;
        _samples = samples;
        _threads = threads;
        for (int i = 0; i < emitted.Graph.Nodes.Count; i++)
        {
            NodeProto node = emitted.Graph.Nodes[i];
            foreach (string output in node.Output)
                _position[output] = i;
            foreach (string read in Subgraph.Reads(node))
                _lastRead[Source(read)] = Math.Max(_lastRead.GetValueOrDefault(Source(read)), i);
        }

        // A tensor is needed as long as what is read through its DequantizeLinear is.
        foreach (NodeProto node in emitted.Graph.Nodes)
        {
            if (node.OpType == "DequantizeLinear" && _lastRead.TryGetValue(node.Output[0], out int last))
                _lastRead[node.Input[0]] = Math.Max(_lastRead.GetValueOrDefault(node.Input[0]), last);
        }
    }

    /// <summary>Names of the tensors in memory, one value a sample.</summary>
    public IReadOnlyCollection<string> Kept => _kept.Keys;

    /// <summary>
    /// Runs everything before the node that makes <paramref name="output"/> and gives the kept values of
    /// <paramref name="tensor"/>, one a sample.
    /// </summary>
    public IReadOnlyList<DenseTensor> AdvanceTo(string output, string tensor, CancellationToken cancellation)
    {
        int stop = _position[output];
        if (stop > _next)
        {
            List<NodeProto> piece = [];
            HashSet<string> made = [];
            Dictionary<string, ElementType> fed = [];
            for (int i = _next; i < stop; i++)
            {
                NodeProto node = _model.Graph.Nodes[i];
                if (IsDequantize(node))
                    continue; // added where it is read
                foreach (string read in Subgraph.Reads(node))
                    Need(read, piece, made, fed);
                piece.Add(node);
                made.UnionWith(node.Output);
            }

            string[] kept = [.. made.Where(t => t.Length > 0 && !IsDequantize(_model.Graph.Producer(t)!) && _lastRead.GetValueOrDefault(t, -1) >= stop)];
            if (kept.Length > 0)
                Run(piece, fed, kept, cancellation);
            _next = stop;
            foreach (string stale in _kept.Keys.Where(k => _lastRead[k] < stop).ToList())
                _kept.Remove(stale);
        }

        return _kept[tensor];
    }

    private void Need(string tensor, List<NodeProto> piece, HashSet<string> made, Dictionary<string, ElementType> fed)
    {
        if (made.Contains(tensor) || fed.ContainsKey(tensor) || _model.Graph.Initializer(tensor) is not null)
            return;
        if (_model.Graph.Producer(tensor) is { } producer && IsDequantize(producer))
        {
            Need(producer.Input[0], piece, made, fed);
            piece.Add(producer);
            made.Add(tensor);
        }
        else if (_kept.TryGetValue(tensor, out DenseTensor[]? values))
        {
            fed[tensor] = values[0].Type;
        }
        else
        {
            fed[tensor] = (ElementType)_model.Graph.Proto.Input.First(i => i.Name == tensor).Type.TensorType.ElemType;
        }
    }

    private void Run(List<NodeProto> piece, Dictionary<string, ElementType> fed, string[] kept, CancellationToken cancellation)
    {
        using ModelSession session = ModelSession.Create(Subgraph.Cut(_model, piece, fed, kept), new SessionSettings());
        DenseTensor[][] values = [.. kept.Select(_ => new DenseTensor[_samples.Count])];
        bool readsData = fed.Keys.Any(f => !_kept.ContainsKey(f));
        EachSample.Run(_samples.Count, _threads, cancellation, s =>
        {
            Sample? sample = readsData ? _data.Read(_samples[s]) : null;
            Dictionary<string, DenseTensor> inputs = fed.Keys.ToDictionary(f => f, f => _kept.TryGetValue(f, out DenseTensor[]? v) ? v[s] : sample!.Inputs[f]);
            using RunResult result = session.Run(inputs, kept);
            for (int k = 0; k < kept.Length; k++)
                values[k][s] = result.Copy(k);
        });

        for (int k = 0; k < kept.Length; k++)
            _kept[kept[k]] = values[k];
    }

    /// <summary>What has to be kept so that a tensor can be read later: its integers where it is a dequantized one.</summary>
    private string Source(string tensor) =>
        _model.Graph.Producer(tensor) is { } producer && IsDequantize(producer) ? producer.Input[0] : tensor;

    private static bool IsDequantize(NodeProto node) => node.OpType == "DequantizeLinear";
}
