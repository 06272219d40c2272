using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Search.Precision;

/// <summary>
/// How many bytes the model emitted of a candidate has, about, without emitting it: its tensors as they are stored, and the
/// nodes that quantization adds by the length of their names. Within a percent or two; differences between candidates nearer.
/// </summary>
internal sealed class ModelSize
{
    /// <summary>Bytes of a node or a tensor besides names and data: tags, lengths, operator, attributes.</summary>
    private const int Node = 36, Tensor = 14;

    private readonly Dictionary<string, TensorProto> _initializers;
    private readonly Dictionary<string, int> _readers;
    private readonly Dictionary<string, string> _weights;
    private readonly long _float;
    private readonly double _fitted;

    /// <param name="prepared">The float model.</param>
    public ModelSize(OnnxModel prepared)
    {
        GraphProto graph = prepared.Graph.Proto;
        _initializers = graph.Initializer.ToDictionary(i => i.Name);
        _readers = graph.Initializer.ToDictionary(i => i.Name, i => prepared.Graph.Consumers(i.Name).Count + (prepared.Graph.IsOutput(i.Name) ? 1 : 0));
        _weights = prepared.Graph.Nodes.Where(n => n.Input.Count > 1 && n.Output.Count > 0 && _initializers.ContainsKey(n.Input[1])).ToDictionary(n => n.Output[0], n => n.Input[1]);
        _float = graph.Node.Sum(n => (long)n.CalculateSize() + 4) + graph.Initializer.Sum(BytesOf);
        CanPack = Int4Opset.Raise(prepared.Clone()) is null;
    }

    /// <param name="prepared">The float model.</param>
    /// <param name="known">A candidate that is emitted once, so that those like it are foretold the better.</param>
    public ModelSize(OnnxModel prepared, Trial known)
        : this(prepared)
    {
        OnnxModel emitted = known.Emit(prepared);
        AlignedChannels.Apply(emitted, known.Plan);
        _fitted = emitted.Proto.CalculateSize() - (double)Of(known);
    }

    /// <summary>Whether INT4 weights are emitted with two to a byte: some operators stand in the way of the opset that has them.</summary>
    public bool CanPack { get; }

    /// <summary>Bytes.</summary>
    public long Of(Trial trial)
    {
        long bytes = _float;
        Dictionary<string, int> left = [];
        foreach (Layer layer in trial.Plan.Layers)
        {
            QuantizedWeight weight = trial.Configuration.Weights[layer.Id];
            bytes += OfInteger(layer, weight, trial.Configuration.Biases.ContainsKey(layer.Id));
            left[layer.Weight] = left.GetValueOrDefault(layer.Weight) + 1;
        }

        foreach (QuantizationPoint point in trial.Plan.Points)
            bytes += (2 * (Node + (4 * point.Tensor.Length))) + (2 * (Tensor + point.Group.Length + 12));
        HashSet<QuantizedWeight> stored = [];
        foreach ((string layer, QuantizedWeight weight) in trial.Configuration.WeightOnly)
        {
            string name = _weights[layer];
            left[name] = left.GetValueOrDefault(name) + 1;
            if (stored.Add(weight))
                bytes += OfIntegers(weight) + (sizeof(float) * weight.Scales.Length) + (2 * (Node + (4 * name.Length))) + (2 * (Tensor + name.Length)) + 20;
        }

        // A float weight goes when nobody reads it any more.
        bytes -= left.Where(l => l.Value == _readers[l.Key]).Sum(l => BytesOf(_initializers[l.Key]));
        return bytes + (long)_fitted;
    }

    private long OfIntegers(QuantizedWeight weight) =>
        weight.Type == IntegerType.Int4 && CanPack ? PackedInt4.ByteCount(weight.Values.Length) : weight.Values.Length;

    private long OfInteger(Layer layer, QuantizedWeight weight, bool corrected)
    {
        int scales = weight.Scales.Length, name = layer.Weight.Length;
        bool biased = layer.OpType != "MatMul" && (layer.Bias is not null || corrected);
        long bytes = OfIntegers(weight) + (scales * (sizeof(float) + 1)) + Node + (6 * name) + (3 * (Tensor + name + 12));
        if (weight.Type == IntegerType.Int4 && CanPack)
            bytes += Node + (4 * name);
        if (biased)
            bytes += (scales * sizeof(float)) + Node + (6 * layer.Id.Length) + (2 * (Tensor + layer.Id.Length + 12));
        return bytes;
    }

    private static long BytesOf(TensorProto tensor) => tensor.ElementType().ByteCount(tensor.ElementCount()) + Tensor + tensor.Name.Length;
}
