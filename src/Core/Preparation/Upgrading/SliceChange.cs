using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>Slice takes starts, ends and axes as inputs from opset 10 on.</summary>
internal static class SliceChange
{
    public static void AttributesToInputs(UpgradeSite site)
    {
        if (site.Take("starts") is not { } starts || site.Take("ends") is not { } ends)
            throw site.Refuse("it lacks starts or ends.");
        AttributeProto? axes = site.Take("axes");
        site.SetInput(1, site.Constant("starts", [.. starts.Ints]));
        site.SetInput(2, site.Constant("ends", [.. ends.Ints]));
        if (axes is not null)
            site.SetInput(3, site.Constant("axes", [.. axes.Ints]));
    }
}
