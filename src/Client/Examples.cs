namespace QuantCluster.Client;

/// <summary>What <c>--help</c> shows below the options, by command; the root's under the empty name.</summary>
internal static class Examples
{
    public static IReadOnlyDictionary<string, string[]> ByCommand { get; } = new Dictionary<string, string[]>
    {
        [""] =
        [
            "quant run model.onnx --data calibration.json --eval held-out.json --out model.int8.onnx",
            "quant inspect model.onnx",
            "quant verify model.onnx model.int8.onnx --data held-out.json",
            "quant explain -- -1 2 --values -0.8 0.5 1.5",
        ],
        ["quickstart"] = ["./quant quickstart"],
        ["run"] =
        [
            "quant run model.onnx --data calibration.json --eval held-out.json --out model.int8.onnx",
            "quant run model.onnx --data images.npy --samples 64 --out model.int8.onnx",
            "quant run model.onnx --data calibration.json --out model.int8.onnx --min-sqnr 25 --json > result.json",
            "quant run model.onnx --data calibration.json --out model.int8.onnx --method minmax --correct none",
        ],
        ["resume"] =
        [
            "quant resume model.int8.job",
            "quant resume model.int8.job --json > result.json",
        ],
        ["inspect"] = ["quant inspect model.onnx"],
        ["calibrate"] = ["quant calibrate model.onnx --data calibration.json --out model.stats"],
        ["stats"] = ["quant stats model.stats"],
        ["sensitivity"] =
        [
            "quant sensitivity model.onnx --data calibration.json",
            "quant sensitivity model.onnx --data calibration.json --samples 64 --out sensitivity.json",
            "quant sensitivity model.onnx --data calibration.json --latency --threads 1",
        ],
        ["lint"] = ["quant lint model.int8.onnx"],
        ["verify"] = ["quant verify model.onnx model.int8.onnx --data held-out.json --min-sqnr 25"],
        ["submit"] =
        [
            "quant submit model.onnx --data calibration.json --eval held-out.json",
            "quant submit model.onnx --data calibration.json --engine redis --cluster redis-host:6379 --store /mnt/quant",
        ],
        ["jobs"] = ["quant jobs"],
        ["watch"] = ["quant watch model-1f2e3d4c"],
        ["cancel"] = ["quant cancel model-1f2e3d4c"],
        ["logs"] = ["quant logs model-1f2e3d4c"],
        ["fetch"] = ["quant fetch model-1f2e3d4c --out model.int8.onnx"],
        ["cluster"] = ["quant cluster", "quant cluster up --workers 3", "quant cluster status", "quant cluster down"],
        ["worker"] = ["quant worker --cluster redis-host:6379 --store /mnt/quant"],
        ["gc"] = ["quant gc --dry-run"],
        ["explain"] = ["quant explain -- -1 2 --values -0.8 0.5 1.5"],
    };
}
