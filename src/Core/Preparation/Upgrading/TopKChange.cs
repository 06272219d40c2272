namespace QuantCluster.Preparation.Upgrading;

/// <summary>TopK takes k as an input from opset 10 on.</summary>
internal static class TopKChange
{
    public static void CountToInput(UpgradeSite site)
    {
        if (site.Take("k") is not { } k)
            throw site.Refuse("it lacks k.");
        site.SetInput(1, site.Constant("k", k.I));
    }
}
