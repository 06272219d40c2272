using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// The graph ONNX Runtime itself makes of a model, read back from the file it writes. Every node is given a unique
/// name first, which ONNX Runtime's fusions carry over; that is how a kernel is found again.
/// </summary>
internal sealed class OptimizedGraph
{
    // Layout changes for float convolutions come after this level and would rename nodes; kernels' types do not change any more.
    private const GraphOptimization Level = GraphOptimization.Extended;
    private static readonly HashSet<string> IntegerOperators = ["MatMulIntegerToFloat", "QGemm", "ConvInteger", "MatMulInteger", "MatMulNBits", "DynamicQuantizeMatMul", "QAttention"];
    private readonly Dictionary<string, NodeProto> _byName = [];
    private readonly Graph _graph;

    private OptimizedGraph(OnnxModel model)
    {
        _graph = model.Graph;
        foreach (NodeProto node in _graph.Nodes)
            _byName.TryAdd(node.Name, node);
        Quantizes = _graph.Nodes.Count(QuantizedGraph.IsQuantize);
        Dequantizes = _graph.Nodes.Count(QuantizedGraph.IsDequantize);
    }

    public int Quantizes { get; }

    public int Dequantizes { get; }

    /// <exception cref="QuantException">ONNX Runtime does not accept the model, or cannot write its graph.</exception>
    public static OptimizedGraph Make(OnnxModel model)
    {
        string directory = Directory.CreateTempSubdirectory("quant-lint-").FullName;
        try
        {
            string source = Path.Combine(directory, "model.onnx"), path = Path.Combine(directory, "optimized.onnx");
            Named(model).Save(source);
            ModelSession.Open(source, new SessionSettings { Optimization = Level, OptimizedModelPath = path }).Dispose();
            return new OptimizedGraph(OnnxModel.Load(path));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The kernel that node number <paramref name="index"/> of the model became; null where it was merged into another or folded away.</summary>
    public Kernel? KernelOf(int index)
    {
        if (!_byName.TryGetValue(NameOf(index), out NodeProto? node))
        {
            // Some fusions add to the name, as GemmActivationFusion does.
            string name = NameOf(index);
            node = _graph.Nodes.FirstOrDefault(n => n.Name.Contains(name, StringComparison.Ordinal));
            if (node is null)
                return null;
        }

        bool integer = node.OpType.StartsWith("QLinear", StringComparison.Ordinal) || IntegerOperators.Contains(node.OpType)
            || (node.Input.Count > 0 && IsInteger(node.Input[0]));
        return new Kernel(integer ? KernelKind.Integer : KernelKind.Float, node.OpType);
    }

    private static string NameOf(int index) => $"quant:{index}:";

    private static OnnxModel Named(OnnxModel model)
    {
        OnnxModel named = model.Clone();
        for (int i = 0; i < named.Graph.Nodes.Count; i++)
            named.Graph.Nodes[i].Name = NameOf(i);
        return named;
    }

    /// <summary>Whether a tensor is carried as 8-bit integers.</summary>
    private bool IsInteger(string tensor)
    {
        if (_graph.Producer(tensor) is not { } producer)
            return _graph.Initializer(tensor)?.ElementType() is ElementType.Int8 or ElementType.UInt8;
        if (QuantizedGraph.IsQuantize(producer))
            return true;
        if (QuantizedGraph.IsDequantize(producer))
            return false;
        if (producer.OpType.StartsWith("QLinear", StringComparison.Ordinal))
            return true;
        if (producer.OpType == "QGemm")
            return producer.Input.Count > 8 || producer.InputOrNull(7) is not null;
        return producer.OpType is "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" or "MaxPool" or "Pad" or "Flatten" or "Gather" or "GatherElements" or "Expand" or "Tile" or "Resize" or "Split"
            && IsInteger(producer.Input[0]);
    }
}
