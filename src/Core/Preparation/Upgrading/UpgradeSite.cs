using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>One node being upgraded, and the nodes that come to stand around it.</summary>
internal sealed class UpgradeSite(
    NodeProto node, long version, IReadOnlyDictionary<string, KnownTensor> tensors, HashSet<string> usedNames, HashSet<string> readNames)
{
    public NodeProto Node { get; } = node;

    /// <summary>The operator set version being reached.</summary>
    public long Version { get; } = version;

    public List<NodeProto> Before { get; } = [];

    public List<NodeProto> After { get; } = [];

    public KnownTensor? Known(string tensor) => tensors.TryGetValue(tensor, out KnownTensor known) ? known : null;

    /// <summary>Whether any node or graph output reads the tensor.</summary>
    public bool IsRead(string tensor) => readNames.Contains(tensor);

    /// <summary>A tensor name nothing in the model has.</summary>
    public string FreshName(string stem)
    {
        string name = stem;
        for (int i = 2; !usedNames.Add(name); i++)
            name = $"{stem}_{i}";
        return name;
    }

    /// <summary>
    /// Puts a Constant node before the node and gives its output's name. A node, because graphs, subgraphs and
    /// functions can all hold one.
    /// </summary>
    public string Constant(string role, TensorProto value)
    {
        string name = FreshName($"{Label}/{role}");
        value.Name = name;
        Before.Add(Nodes.Create("Constant", name, [], [name],
            new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = value }));
        return name;
    }

    public string Constant(string role, params ReadOnlySpan<long> values) =>
        Constant(role, Tensors.FromInt64s("", [values.Length], values));

    /// <summary>Takes an attribute off the node; null where it has none.</summary>
    public AttributeProto? Take(string name)
    {
        AttributeProto? attribute = Node.Attribute(name);
        if (attribute is not null)
            Node.Attribute.Remove(attribute);
        return attribute;
    }

    /// <summary>Appends or sets input <paramref name="index"/>, filling the gap with absent (empty) inputs.</summary>
    public void SetInput(int index, string name)
    {
        while (Node.Input.Count <= index)
            Node.Input.Add("");
        Node.Input[index] = name;
    }

    public QuantException Refuse(string reason) => new(
        ExitCode.BadModel,
        $"node {Label} ({Node.OpType}): cannot be upgraded to opset {Version}: {reason} Export the model with opset {PreparationSettings.MinimumOpset} or later.");

    private string Label => Node.Name.Length > 0 ? Node.Name : Node.Output.FirstOrDefault(o => o.Length > 0) ?? Node.OpType;
}
