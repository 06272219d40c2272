namespace QuantCluster.Preparation.Upgrading;

/// <summary>Clip takes its bounds as inputs from opset 11 on; without a bound it was the type's limit, as it still is.</summary>
internal static class ClipChange
{
    public static void BoundsToInputs(UpgradeSite site)
    {
        if (site.Take("min") is { } min)
            site.SetInput(1, site.Constant("min", TypedScalar.Create(site, site.Node.Input[0], min.F)));
        if (site.Take("max") is { } max)
            site.SetInput(2, site.Constant("max", TypedScalar.Create(site, site.Node.Input[0], max.F)));
    }
}
