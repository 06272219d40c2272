using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Tests;

namespace QuantCluster.Bench;

/// <summary>A model with data to calibrate it on.</summary>
internal sealed record CalibrationCase(string Name, Func<OnnxModel> Model, Func<IReadOnlyList<ValueSignature>, IDataset> Data)
{
    /// <summary>The prepared model and a tap at every point of its plan, as <c>quant run</c> does.</summary>
    public (OnnxModel Prepared, IReadOnlyList<TapRequest> Taps) Prepare()
    {
        OnnxModel model = Model();
        Sample sample;
        using (ModelSession session = ModelSession.Create(model, new SessionSettings { Optimization = GraphOptimization.None }))
        using (IDataset data = Data(session.Inputs))
            sample = data.Read(0);
        OnnxModel prepared = Preparer.Prepare(model, sample, new PreparationSettings()).Model;
        QuantizationPlan plan = Planner.Plan(prepared, TensorProbe.Observe(prepared, sample), PlanSettings.Default);
        return (prepared, [.. plan.Points.Select(p => new TapRequest(p.Tensor))]);
    }
}

/// <summary>A small network that is always there, and the anchors where they are.</summary>
internal static class CalibrationCases
{
    private static readonly string[] AnchorNames = ["mobilenetv1", "ocr", "resnet20", "sst2"];

    public static IReadOnlyList<CalibrationCase> All()
    {
        List<CalibrationCase> cases = [new("small", SmallNetwork, _ => new GaussianSamples(64, "x", [1, 3, 64, 64]))];
        string? anchors = AnchorFolder.Find();
        if (anchors is null)
            Console.WriteLine("The anchor models are not here (set QUANT_ANCHORS to their folder): only the small network is measured.");
        else
            cases.AddRange(AnchorNames.Select(n => Anchor(n, Path.Combine(anchors, "cases", $"{n}.calib.json"))));
        return cases;
    }

    private static CalibrationCase Anchor(string name, string path)
    {
        DatasetSpec spec = DatasetSpec.Load(path);
        return new CalibrationCase(name, () => OnnxModel.Load(spec.Model!), inputs => Datasets.Open(spec, inputs));
    }

    private static OnnxModel SmallNetwork()
    {
        Random random = new(7);
        ModelProto proto = new() { IrVersion = 8, Graph = new GraphProto { Name = "small" } };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        proto.Graph.Input.Add(Value("x", 1, 3, 64, 64));
        string at = "x";
        int channels = 3;
        foreach (int wide in (int[])[32, 32, 64, 64])
        {
            string name = $"conv{proto.Graph.Node.Count}";
            float[] weights = [.. Enumerable.Range(0, wide * channels * 9).Select(_ => (float)((random.NextDouble() - 0.5) * 4 / Math.Sqrt(channels * 9)))];
            proto.Graph.Initializer.Add(Tensors.FromFloats($"{name}.w", [wide, channels, 3, 3], weights));
            proto.Graph.Node.Add(Nodes.Create("Conv", name, [at, $"{name}.w"], [name], Nodes.Ints("pads", 1, 1, 1, 1)));
            proto.Graph.Node.Add(Nodes.Create("Relu", $"{name}.relu", [name], [$"{name}.r"]));
            (at, channels) = ($"{name}.r", wide);
        }

        proto.Graph.Output.Add(Value(at, 1, channels, 64, 64));
        return OnnxModel.FromProto(proto);
    }

    private static ValueInfoProto Value(string name, params long[] shape)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)ElementType.Float, Shape = new TensorShapeProto() };
        foreach (long dimension in shape)
            tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = dimension });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }
}

/// <summary>Normally distributed samples, each a pure function of its index.</summary>
internal sealed class GaussianSamples(int count, string input, long[] shape) : IDataset
{
    public int Count => count;

    public Sample Read(int index)
    {
        Random random = new(index);
        float[] values = new float[shape.Aggregate(1L, (n, d) => n * d)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return new Sample(index, new Dictionary<string, DenseTensor> { [input] = DenseTensor.FromFloats(shape, values) });
    }

    public void Dispose()
    {
    }
}

/// <summary>Samples read once beforehand, so that reading is no part of what is measured.</summary>
internal sealed class LoadedSamples : IDataset
{
    private readonly Sample[] _samples;

    public LoadedSamples(IDataset data, int count) => _samples = [.. Enumerable.Range(0, Math.Min(count, data.Count)).Select(data.Read)];

    public int Count => _samples.Length;

    public Sample Read(int index) => _samples[index];

    public void Dispose()
    {
    }
}
