using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>
/// Until opset 12 Softmax, LogSoftmax and Hardmax saw their input as a matrix, cut at <c>axis</c> (1 by default), and worked on its
/// rows; from 13 on they work along one axis (−1 by default). Where the axes from <c>axis</c> on hold only one that is
/// longer than 1 both mean the same; elsewhere the input is flattened and shaped back.
/// </summary>
internal static class SoftmaxChange
{
    public static void FromFlattenedToOneAxis(UpgradeSite site)
    {
        NodeProto node = site.Node;
        long axis = node.IntAttribute("axis", 1);
        site.Take("axis");
        long[]? shape = site.Known(node.Input[0])?.Dimensions;
        if (axis == -1 || (shape is not null && axis == shape.Length - 1))
        {
            node.Attribute.Add(Nodes.Int("axis", -1));
            return;
        }

        if (shape is not null)
        {
            long first = axis < 0 ? axis + shape.Length : axis;
            if (shape.AsSpan((int)first + 1).IndexOfAnyExcept(1) < 0)
            {
                node.Attribute.Add(Nodes.Int("axis", first));
                return;
            }
        }

        string input = node.Input[0];
        string output = node.Output[0];
        string flat = site.FreshName($"{output}/flat");
        string flatOutput = site.FreshName($"{output}/rows");
        string dimensions = site.FreshName($"{output}/shape");
        site.Before.Add(Nodes.Create("Flatten", flat, [input], [flat], Nodes.Int("axis", axis)));
        node.Input[0] = flat;
        node.Output[0] = flatOutput;
        node.Attribute.Add(Nodes.Int("axis", -1));
        site.After.Add(Nodes.Create("Shape", dimensions, [input], [dimensions]));
        site.After.Add(Nodes.Create("Reshape", site.FreshName($"{output}/reshape"), [flatOutput, dimensions], [output]));
    }
}
