using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Emission;

/// <summary>A float model with its <see cref="ChannelScaling"/>s carried out, and the plan and configuration in its names.</summary>
public sealed record ScaledModel(OnnxModel Prepared, QuantizationPlan Plan, QuantizationConfiguration Configuration)
{
    /// <summary>Carries out what the configuration asks for; the arguments themselves where that is nothing.</summary>
    public static ScaledModel Of(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration)
    {
        ScaledModel scaled = new(prepared, plan, configuration);
        if (configuration.Scalings.Count == 0)
            return scaled;
        OnnxModel model = prepared.Clone();
        scaled = new ScaledModel(model, plan, configuration with { Scalings = [] });
        foreach (ChannelScaling scaling in configuration.Scalings)
        {
            foreach (ScaledConstant constant in scaling.Constants)
                Multiply(model, constant);
            if (scaling.Product is { } factors)
                scaled = scaling.Behind is { } axes ? scaled.Restore(scaling.Tensor, factors, axes) : scaled.Copy(scaling, factors);
        }

        return scaled;
    }

    private static void Multiply(OnnxModel model, ScaledConstant constant)
    {
        TensorProto proto = model.Graph.Initializer(constant.Name)!;
        float[] values = proto.ToFloats();
        for (int i = 0; i < values.Length; i++)
            values[i] *= constant.Factors[i / constant.Inner % constant.Factors.Length];
        proto.FloatData.Clear();
        proto.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values));
    }

    /// <summary>Gives all readers the tensor as it was before it was scaled.</summary>
    private ScaledModel Restore(string tensor, float[] factors, int behind)
    {
        Insert(tensor, "_restored", factors, [factors.Length, .. Enumerable.Repeat(1L, behind)], _ => true);
        return this;
    }

    /// <summary>Gives the layers whose weights were scaled a copy that is scaled too.</summary>
    private ScaledModel Copy(ChannelScaling scaling, float[] factors)
    {
        string tensor = scaling.Tensor;
        HashSet<string> weights = [.. scaling.Constants.Select(c => c.Name)];
        string copy = Insert(tensor, "_scaled", factors, [factors.Length], n => n.Input.Count > 1 && weights.Contains(n.Input[1]));
        if (!Configuration.Activations.TryGetValue(tensor, out AffineMapping mapping))
            return this;
        Dictionary<string, AffineMapping> activations = new(Configuration.Activations) { [copy] = mapping };
        activations.Remove(tensor);
        return this with
        {
            Plan = Plan with
            {
                Layers = [.. Plan.Layers.Select(l => l.Input == tensor ? l with { Input = copy } : l)],
                Points = [.. Plan.Points.Select(p => p.Tensor == tensor ? p with { Tensor = copy, Group = copy } : p)],
            },
            Configuration = Configuration with { Activations = activations },
        };
    }

    private string Insert(string tensor, string suffix, float[] factors, long[] shape, Func<NodeProto, bool> rewired)
    {
        Graph graph = Prepared.Graph;
        string product = graph.FreshName(tensor + suffix), constant = graph.FreshName(tensor + suffix + "_by");
        foreach (NodeProto reader in graph.Consumers(tensor).Where(rewired))
        {
            for (int i = 0; i < reader.Input.Count; i++)
                reader.Input[i] = reader.Input[i] == tensor ? product : reader.Input[i];
        }

        graph.Proto.Initializer.Add(Tensors.FromFloats(constant, shape, factors));
        graph.Nodes.Insert(graph.Nodes.IndexOf(graph.Producer(tensor)!) + 1, Nodes.Create("Mul", product, [tensor, constant], [product]));
        graph.Reindex();
        return product;
    }
}
