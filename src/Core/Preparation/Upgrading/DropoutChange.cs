namespace QuantCluster.Preparation.Upgrading;

/// <summary>Dropout's mask became boolean in opset 10, its ratio an input in 12; at inference it copies its input.</summary>
internal static class DropoutChange
{
    public static void MaskBecomesBool(UpgradeSite site)
    {
        if (site.Node.Output.Count < 2)
            return;
        if (site.Node.Output[1].Length > 0 && site.IsRead(site.Node.Output[1]))
            throw site.Refuse("its mask is used; export the model for inference.");
        site.Node.Output.RemoveAt(1);
    }

    public static void DropRatio(UpgradeSite site) => site.Take("ratio");
}
