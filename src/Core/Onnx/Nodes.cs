using System.Text;
using Google.Protobuf;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>Reading and making nodes and their attributes.</summary>
public static class Nodes
{
    public static bool IsStandard(this NodeProto node, string opType) =>
        node.OpType == opType && (node.Domain is "" or "ai.onnx");

    public static AttributeProto? Attribute(this NodeProto node, string name) =>
        node.Attribute.FirstOrDefault(a => a.Name == name);

    public static long IntAttribute(this NodeProto node, string name, long otherwise) =>
        node.Attribute(name) is { HasI: true } a ? a.I : otherwise;

    public static float FloatAttribute(this NodeProto node, string name, float otherwise) =>
        node.Attribute(name) is { HasF: true } a ? a.F : otherwise;

    public static string StringAttribute(this NodeProto node, string name, string otherwise) =>
        node.Attribute(name) is { HasS: true } a ? a.S.ToStringUtf8() : otherwise;

    public static long[]? IntsAttribute(this NodeProto node, string name) => node.Attribute(name)?.Ints.ToArray();

    /// <summary>The name of input <paramref name="index"/>, or null where it is absent or the optional-input empty string.</summary>
    public static string? InputOrNull(this NodeProto node, int index) =>
        index < node.Input.Count && node.Input[index].Length > 0 ? node.Input[index] : null;

    public static NodeProto Create(string opType, string name, IEnumerable<string> inputs, IEnumerable<string> outputs, params AttributeProto[] attributes)
    {
        NodeProto node = new() { OpType = opType, Name = name };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes);
        return node;
    }

    public static AttributeProto Int(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Float(string name, float value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    public static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFrom(value, Encoding.UTF8) };

    public static AttributeProto Ints(string name, params long[] values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }
}
