namespace QuantCluster.Bench;

/// <summary>The anchor models' names and files.</summary>
internal static class AnchorModels
{
    public static readonly IReadOnlyList<(string Name, string Model)> All =
    [
        ("mobilenetv1", "mobilenetv1_0.75_224"), ("squeezenet", "squeezenet1.1"), ("resnet20", "resnet20_cifar10"), ("ocr", "ppocrv4_rec"),
        ("kws", "kws_dscnn_fp32"), ("vit", "vit_pgd_2_3_16"), ("sst2", "sst2_encoder"), ("stories", "stories260K"),
    ];

    /// <summary>Those of these names; all where none is given.</summary>
    public static IEnumerable<(string Name, string Model)> Of(IReadOnlyCollection<string> names) =>
        All.Where(a => names.Count == 0 || names.Contains(a.Name));
}
