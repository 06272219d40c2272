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
        ["explain"] = ["quant explain -- -1 2 --values -0.8 0.5 1.5"],
    };
}
