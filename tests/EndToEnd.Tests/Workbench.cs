using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests;

/// <summary>A folder with a small trained-looking CNN and data for it, made in code; gone after the test.</summary>
public sealed class Workbench : IDisposable
{
    public const int Classes = 4;
    public const int Side = 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("quant-e2e-").FullName;

    public Workbench(int samples = 24)
    {
        File.WriteAllBytes(Model, Cnn().ToBytes());
        WriteFloats("data.npy", [samples, 1, Side, Side], Pictures(samples));
        WriteSpec("data.json", """{"inputs": {"input": {"file": "data.npy"}}}""");
    }

    public string this[string name] => Path.Combine(_folder, name);

    public string Model => this["model.onnx"];

    public string Spec => this["data.json"];

    public string Out => this["int8.onnx"];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public void WriteSpec(string name, string json) => File.WriteAllText(this[name], json);

    /// <summary>Version 1.0 of the format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html</summary>
    public void WriteFloats(string name, int[] shape, float[] values) => WriteNpy(name, "<f4", shape, MemoryMarshal.AsBytes(values.AsSpan()));

    public void WriteIntegers(string name, int[] shape, long[] values) => WriteNpy(name, "<i8", shape, MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>Smooth noise that differs from picture to picture; the same every time.</summary>
    public static float[] Pictures(int samples)
    {
        Random random = new(7);
        float[] values = new float[samples * Side * Side];
        for (int s = 0; s < samples; s++)
        {
            double across = random.NextDouble() * 3, down = random.NextDouble() * 3;
            for (int i = 0; i < Side * Side; i++)
                values[(s * Side * Side) + i] = (float)(Math.Sin((i % Side * across / 2) + (i / Side * down / 2)) + (0.2 * random.NextDouble()));
        }

        return values;
    }

    /// <summary>Conv-Relu twice, depthwise and pointwise, pooled and classified; weights from a fixed seed.</summary>
    public static OnnxModel Cnn(long batch = -1, ElementType input = ElementType.Float)
    {
        Random random = new(11);
        GraphProto graph = new() { Name = "cnn" };
        graph.Input.Add(Value("input", input, batch, 1, Side, Side));
        graph.Output.Add(Value("scores", ElementType.Float, batch, Classes));
        string at = "input";
        if (input != ElementType.Float)
            graph.Node.Add(Nodes.Create("Cast", "cast", [at], [at = "real"], Nodes.Int("to", (long)ElementType.Float)));
        at = Conv("conv1", at, 16, 1, 3, 1);
        at = Conv("conv2", at, 16, 1, 3, 16);
        at = Conv("conv3", at, 32, 16, 1, 1);
        graph.Node.Add(Nodes.Create("GlobalAveragePool", "pool", [at], ["pooled"]));
        graph.Node.Add(Nodes.Create("Flatten", "flatten", ["pooled"], ["features"]));
        Weight("classify_w", 2, 32, Classes);
        Weight("classify_b", 0.2, Classes);
        graph.Node.Add(Nodes.Create("Gemm", "classify", ["features", "classify_w", "classify_b"], ["scores"]));
        ModelProto model = new() { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        return OnnxModel.FromProto(model);

        string Conv(string name, string input, int outputs, int inputs, int kernel, int groups)
        {
            Weight($"{name}_w", 2.0 / Math.Sqrt(inputs * kernel * kernel), outputs, inputs, kernel, kernel);
            Weight($"{name}_b", 0.3, outputs);
            int pad = kernel / 2;
            graph.Node.Add(Nodes.Create("Conv", name, [input, $"{name}_w", $"{name}_b"], [$"{name}_out"], Nodes.Ints("pads", pad, pad, pad, pad), Nodes.Int("group", groups)));
            graph.Node.Add(Nodes.Create("Relu", $"{name}_relu", [$"{name}_out"], [$"{name}_act"]));
            return $"{name}_act";
        }

        void Weight(string name, double size, params long[] shape)
        {
            float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (n, d) => n * d)).Select(_ => (float)(size * ((random.NextDouble() * 2) - 1)))];
            graph.Initializer.Add(Tensors.FromFloats(name, shape, values));
        }
    }

    public static ValueInfoProto Value(string name, ElementType type, params long[] shape)
    {
        TensorShapeProto dimensions = new();
        foreach (long d in shape)
            dimensions.Dim.Add(d < 0 ? new TensorShapeProto.Types.Dimension { DimParam = "batch" } : new TensorShapeProto.Types.Dimension { DimValue = d });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } } };
    }

    private void WriteNpy(string name, string type, int[] shape, ReadOnlySpan<byte> bytes)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)},), }}";
        header = header.PadRight((((header.Length + 11) / 64) + 1) * 64 - 11) + "\n";
        using FileStream stream = File.Create(this[name]);
        stream.Write([0x93, .. "NUMPY"u8, 1, 0]);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)header.Length);
        stream.Write(length);
        stream.Write(Encoding.ASCII.GetBytes(header));
        stream.Write(bytes);
    }
}
