using QuantCluster.Onnx;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>Upsample became Resize in opset 10; Resize names its way of finding coordinates from 11 on.</summary>
internal static class UpsampleChange
{
    public static void ScalesToInput(UpgradeSite site)
    {
        if (site.Take("scales") is not { } scales)
            throw site.Refuse("it lacks scales.");
        site.SetInput(1, site.Constant("scales", Tensors.FromFloats("", [scales.Floats.Count], [.. scales.Floats])));
    }

    public static void BecomesResize(UpgradeSite site) => site.Node.OpType = "Resize";

    /// <summary>Resize-10 divided output coordinates by the scale and, for nearest, rounded down.</summary>
    public static void ResizeNamesItsCoordinates(UpgradeSite site)
    {
        string scales = site.Node.Input[1];
        // Region of interest: unused in this mode, but its absence is only allowed from 13 on.
        site.SetInput(1, "");
        site.SetInput(2, scales);
        site.Node.Attribute.Add(Nodes.Text("coordinate_transformation_mode", "asymmetric"));
        if (site.Node.StringAttribute("mode", "nearest") == "nearest")
            site.Node.Attribute.Add(Nodes.Text("nearest_mode", "floor"));
    }
}
