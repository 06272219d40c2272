using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Preparation;

namespace QuantCluster.Client.Commands;

/// <summary>An input or output: −1 or a name where a dimension is open.</summary>
internal sealed record InspectedValue(string Name, string Type, string[] Shape);

/// <summary>A compute layer of the prepared model.</summary>
/// <param name="Shape">Of its output on the sample.</param>
/// <param name="Reason">Why it would stay float; null where it would be quantized.</param>
internal sealed record InspectedLayer(
    string Node, string Operator, string Output, long[] Shape, long Parameters, long MultiplyAccumulates, bool Quantized, string? Reason);

/// <summary>What <c>quant inspect</c> tells of a model.</summary>
/// <param name="ShapesFrom">Where the layers' shapes come from: <c>data</c>, <c>invented sample</c>, or null where the model was not run.</param>
/// <param name="NotPlanned">Why there are no layers, or null.</param>
internal sealed record Inspection(
    string Model,
    long Bytes,
    long Parameters,
    long Opset,
    IReadOnlyDictionary<string, long> Domains,
    long IrVersion,
    string Producer,
    IReadOnlyList<InspectedValue> Inputs,
    IReadOnlyList<InspectedValue> Outputs,
    IReadOnlyDictionary<string, int> Operators,
    string? ShapesFrom,
    string? NotPlanned,
    IReadOnlyList<RewriteReport> Rewrites,
    IReadOnlyDictionary<string, int> PreparedOperators,
    IReadOnlyList<InspectedLayer> Layers)
{
    /// <param name="path">The model file.</param>
    /// <param name="data">A dataset spec, file or folder; null to invent a sample.</param>
    /// <exception cref="QuantException">The file is no model, or the data do not fit it.</exception>
    public static Inspection Of(string path, string? data, CancellationToken cancellation)
    {
        OnnxModel model = OnnxModel.Load(path);
        Inspection bare = Describe(path, model);
        try
        {
            ModelAcceptance.Check(model);
            Sample sample = ReadSample(model, data);
            return bare.WithPlan(model, sample, data is null ? "invented sample" : "data", cancellation);
        }
        catch (QuantException e) when (data is null || e.Code == ExitCode.BadModel)
        {
            return bare with { NotPlanned = e.Message };
        }
    }

    private static Inspection Describe(string path, OnnxModel model)
    {
        ModelProto proto = model.Proto;
        long apart = model.KeepsDataApart && File.Exists(path + ".data") ? new FileInfo(path + ".data").Length : 0;
        return new Inspection(
            Path.GetFileName(path),
            new FileInfo(path).Length + apart,
            CountParameters(proto.Graph),
            model.Opset,
            proto.OpsetImport.Where(o => o.Domain is not ("" or "ai.onnx")).ToDictionary(o => o.Domain, o => o.Version),
            proto.IrVersion,
            $"{proto.ProducerName} {proto.ProducerVersion}".Trim(),
            [.. model.Graph.RequiredInputs.Select(Describe)],
            [.. proto.Graph.Output.Select(Describe)],
            Count(model),
            ShapesFrom: null,
            NotPlanned: null,
            [],
            new Dictionary<string, int>(),
            []);
    }

    private Inspection WithPlan(OnnxModel model, Sample sample, string shapesFrom, CancellationToken cancellation)
    {
        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings(), cancellation);
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared.Model, sample);
        QuantizationPlan plan = Planner.Plan(prepared.Model, shapes, PlanSettings.Default);
        Dictionary<string, InspectedLayer> layers = [];
        foreach (Layer layer in plan.Layers)
            layers[layer.Id] = new InspectedLayer(layer.Node, layer.OpType, layer.Id, Shape(layer.Id), layer.Parameters, layer.MultiplyAccumulates, Quantized: true, Reason: null);
        foreach (FloatLayer layer in plan.FloatLayers)
            layers[layer.Id] = new InspectedLayer(layer.Node, layer.OpType, layer.Id, Shape(layer.Id), ParametersOf(prepared.Model, layer.Id), 0, Quantized: false, layer.Reason);
        return this with
        {
            ShapesFrom = shapesFrom,
            Rewrites = prepared.Rewrites,
            PreparedOperators = Count(prepared.Model),
            Layers = [.. prepared.Model.Graph.Nodes.SelectMany(n => n.Output).Where(layers.ContainsKey).Select(o => layers[o])],
        };

        long[] Shape(string tensor) => shapes.TryGetValue(tensor, out TensorShape shape) ? shape.Dimensions : [];
    }

    private static Sample ReadSample(OnnxModel model, string? data)
    {
        using ModelSession session = ModelSession.Create(model, new SessionSettings { Optimization = GraphOptimization.None });
        using IDataset samples = data is null
            ? Datasets.Synthetic(session.Inputs, count: 1, seed: 1)
            : Datasets.Open(DatasetSpec.FromArgument(data, session.Inputs, out _), session.Inputs);
        return samples.Read(0);
    }

    private static InspectedValue Describe(ValueInfoProto value) => new(
        value.Name,
        value.Type?.TensorType is { } tensor ? ((ElementType)tensor.ElemType).Name() : "no tensor",
        [.. (value.Type?.TensorType?.Shape?.Dim ?? []).Select(d => d.ValueCase switch
        {
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => d.DimValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam => d.DimParam,
            _ => "?",
        })]);

    private static IReadOnlyDictionary<string, int> Count(OnnxModel model) => model.Graph.Nodes
        .GroupBy(n => n.Domain is "" or "ai.onnx" ? n.OpType : $"{n.Domain}.{n.OpType}")
        .OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.Count());

    private static long CountParameters(GraphProto graph) => graph.Initializer.Sum(Elements)
        + graph.Node.Where(n => n.IsStandard("Constant")).Sum(n => n.Attribute("value")?.T is { } t ? Elements(t) : 0);

    private static long Elements(TensorProto tensor) => (ElementType)tensor.DataType is ElementType.Int64 ? 0 : tensor.ElementCount();

    private static long ParametersOf(OnnxModel model, string output) =>
        model.Graph.Producer(output)?.Input.Sum(i => model.Graph.Initializer(i) is { } t ? Elements(t) : 0) ?? 0;
}
