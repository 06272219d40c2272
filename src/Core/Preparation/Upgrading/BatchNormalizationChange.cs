using QuantCluster.Onnx;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>BatchNormalization lost its <c>spatial</c> attribute in opset 9: statistics are always per channel.</summary>
internal static class BatchNormalizationChange
{
    public static void DropSpatial(UpgradeSite site)
    {
        if (site.Node.IntAttribute("spatial", 1) == 0)
            throw site.Refuse("it normalises each position on its own (spatial = 0), which later versions cannot express.");
        site.Take("spatial");
        for (int i = site.Node.Output.Count - 1; i >= 1; i--)
        {
            if (site.Node.Output[i].Length > 0 && site.IsRead(site.Node.Output[i]))
                throw site.Refuse("its training outputs are used; export the model for inference.");
            site.Node.Output.RemoveAt(i);
        }
    }
}
