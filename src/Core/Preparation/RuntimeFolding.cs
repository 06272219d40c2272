using System.Globalization;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Preparation;

/// <summary>
/// ONNX Runtime's own basic optimizations, written to a file and read back: constants are folded, Conv takes in
/// BatchNormalization, dead nodes go.
/// </summary>
internal static class RuntimeFolding
{
    public const string Name = "fold-by-onnx-runtime";

    /// <summary>
    /// Fusions into operators that are not ONNX's, or not in the model's opset. MatMul stays MatMul: as Gemm
    /// between two Reshapes it would not be faster, and its batch dimensions would be lost. Transposes stay where they
    /// are: moved, they hide the patterns of our own rewrites, and ONNX Runtime moves them when it loads the result.
    /// </summary>
    private static readonly string[] Unwanted =
        ["MatMulAddFusion", "GeluFusionL1", "LayerNormFusionL1", "SimplifiedLayerNormFusionL1", "SkipLayerNormFusionL1", "QuickGeluFusion", "TransposeOptimizer"];

    private static Dictionary<string, string> Entries(OnnxModel model)
    {
        Dictionary<string, string> entries = [];
        if (model.IsLarge)
        {
            entries["session.optimized_model_external_initializers_file_name"] = "folded.onnx.data";
            entries["session.optimized_model_external_initializers_min_size_in_bytes"] = OnnxModel.SmallestExternal.ToString(CultureInfo.InvariantCulture);
        }

        return entries;
    }

    /// <summary>The folded model, or null and the reason why it cannot be used.</summary>
    public static OnnxModel? Fold(OnnxModel model, PreparationSettings settings, out string? reason)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("quant-prepare-");
        try
        {
            string path = Path.Combine(folder.FullName, "folded.onnx");
            SessionSettings session = new()
            {
                Threads = settings.Threads,
                Optimization = GraphOptimization.Basic,
                OptimizedModelPath = path,
                DisabledOptimizers = Unwanted,
                UseArena = false,
                // It is never run.
                Prepacks = false,
                Entries = Entries(model),
            };
            using (ModelSession.Create(model, session))
            {
            }

            OnnxModel folded = OnnxModel.Load(path, filesStay: false);
            HashSet<string> known = [.. model.Graph.Nodes.Select(n => n.Domain)];
            if (folded.Graph.Nodes.FirstOrDefault(n => n.Domain is not ("" or "ai.onnx") && !known.Contains(n.Domain)) is { } foreign)
            {
                reason = $"it brought in {foreign.Domain}.{foreign.OpType}, which only ONNX Runtime knows";
                return null;
            }

            reason = null;
            return model.WithProto(folded.Proto);
        }
        catch (QuantException e)
        {
            reason = e.Message;
            return null;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
