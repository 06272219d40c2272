namespace QuantCluster.Preparation.Upgrading;

/// <summary>Squeeze, Unsqueeze, ReduceSum (axes) and Split (split) take their lists as an input from opset 13 on.</summary>
internal static class AxesChange
{
    public static void AxesToInput(UpgradeSite site) => ToInput(site, "axes");

    public static void SplitToInput(UpgradeSite site) => ToInput(site, "split");

    private static void ToInput(UpgradeSite site, string attribute)
    {
        if (site.Take(attribute) is { } list)
            site.SetInput(1, site.Constant(attribute, [.. list.Ints]));
    }
}
