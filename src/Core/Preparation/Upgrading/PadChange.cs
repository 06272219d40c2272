using QuantCluster.Onnx;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>Pad takes pads and value as inputs from opset 11 on.</summary>
internal static class PadChange
{
    public static void AttributesToInputs(UpgradeSite site)
    {
        if (site.Take("pads") is not { } pads)
            throw site.Refuse("it lacks pads.");
        float value = site.Take("value")?.F ?? 0;
        site.SetInput(1, site.Constant("pads", [.. pads.Ints]));
        if (site.Node.StringAttribute("mode", "constant") == "constant")
            site.SetInput(2, site.Constant("value", TypedScalar.Create(site, site.Node.Input[0], value)));
    }
}
