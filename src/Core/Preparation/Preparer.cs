using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Preparation.Upgrading;

namespace QuantCluster.Preparation;

/// <summary>
/// Turns a model as exported into one that can be planned: opset 13 or later, constants folded, and rewritten exactly so
/// that less stands between the operators that are quantized. The result answers like the original.
/// </summary>
public static class Preparer
{
    public const string UnlistName = "unlist-initializers";

    public const string UpgradeName = "upgrade-opset";

    /// <summary>Prepares <paramref name="model"/>, which is not changed; its bytes depend on the arguments alone.</summary>
    /// <param name="check">Real samples; every rewrite that makes the model answer differently to them is dropped and reported.</param>
    /// <param name="opened">An unoptimized session of <paramref name="model"/>, where there is one: it is closed when it has answered.</param>
    /// <exception cref="QuantException">
    /// The model cannot be run, is quantized already, or has an operator that cannot be upgraded.
    /// </exception>
    public static PreparedModel Prepare(
        OnnxModel model, IReadOnlyList<Sample> check, PreparationSettings settings, CancellationToken cancellation = default, ModelSession? opened = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(check.Count, nameof(check));
        ModelAcceptance.Check(model);
        Equivalence original = new(model, check, settings, opened, cancellation);

        // Nearly always every rewrite is exact, and one check of all stands for many.
        PreparedModel? all = null;
        try
        {
            all = Rewrite(model, check[0], (_, _) => null, settings, cancellation);
        }
        catch (QuantException)
        {
            // One by one it comes out which rewrite that was, or that there is no way.
        }
        finally
        {
            // Also when stopped: the samples must outlive the run.
            original.Answer();
        }

        if (all is not null && original.Difference(all.Model, GraphOptimization.Basic, cancellation) is null)
            return all;
        return Rewrite(model, check[0], (candidate, optimization) => original.Difference(candidate, optimization, cancellation), settings, cancellation);
    }

    /// <inheritdoc cref="Prepare(OnnxModel, IReadOnlyList{Sample}, PreparationSettings, CancellationToken, ModelSession?)"/>
    public static PreparedModel Prepare(OnnxModel model, Sample check, PreparationSettings settings, CancellationToken cancellation = default, ModelSession? opened = null) =>
        Prepare(model, [check], settings, cancellation, opened);

    private static PreparedModel Rewrite(OnnxModel model, Sample sample, ModelCheck check, PreparationSettings settings, CancellationToken cancellation)
    {
        List<RewriteReport> reports = [];
        OnnxModel current = model.Clone();
        int unlisted = UnlistInitializers(current);
        if (unlisted > 0)
            reports.Add(new RewriteReport(UnlistName, unlisted, Kept: true));
        NameConstants(current);
        if (current.Opset < PreparationSettings.MinimumOpset)
        {
            long before = current.Opset;
            int changed = OpsetUpgrader.Upgrade(current, PreparationSettings.MinimumOpset, TensorKnowledge.Of(current, sample));
            if (check(current, GraphOptimization.None) is { } difference)
            {
                throw new QuantException(ExitCode.BadModel,
                    $"upgrading the model from opset {before} to {current.Opset} changed what it answers: {difference}. Export it again with opset {PreparationSettings.MinimumOpset} or later.");
            }

            reports.Add(new RewriteReport(UpgradeName, changed, Kept: true));
        }

        current = Fold(current, check, settings, reports);
        TensorKnowledge.Annotate(current, TensorKnowledge.Of(current, sample));
        CanonicalForm.Apply(current);
        current = RewriteRun.Apply(current, check, settings, reports, cancellation);
        return new PreparedModel(current, reports);
    }

    /// <summary>
    /// Takes initializers off the list of inputs, where format versions before 4 required them; from 4 on it would
    /// mean that a caller may replace them, and nothing could be folded into them.
    /// </summary>
    private static int UnlistInitializers(OnnxModel model)
    {
        GraphProto graph = model.Proto.Graph;
        List<ValueInfoProto> inputs = [.. model.Graph.RequiredInputs];
        int unlisted = graph.Input.Count - inputs.Count;
        graph.Input.Clear();
        graph.Input.AddRange(inputs);
        // Format version 3 does not allow initializers that are not inputs.
        model.Proto.IrVersion = Math.Max(model.Proto.IrVersion, 4);
        return unlisted;
    }

    /// <summary>Turns Constant nodes that hold a tensor into initializers: where weights are looked for.</summary>
    private static void NameConstants(OnnxModel model)
    {
        GraphProto graph = model.Proto.Graph;
        List<NodeProto> others = [];
        foreach (NodeProto node in graph.Node)
        {
            if (!node.IsStandard("Constant") || node.Attribute("value")?.T is not { } value || model.Graph.IsOutput(node.Output[0]))
            {
                others.Add(node);
                continue;
            }

            TensorProto tensor = value.Clone();
            tensor.Name = node.Output[0];
            graph.Initializer.Add(tensor);
        }

        graph.Node.Clear();
        graph.Node.AddRange(others);
        model.Graph.Reindex();
    }

    private static OnnxModel Fold(OnnxModel model, ModelCheck check, PreparationSettings settings, List<RewriteReport> reports)
    {
        if (settings.Disabled.Contains(RuntimeFolding.Name))
            return model;
        OnnxModel? folded = RuntimeFolding.Fold(model, settings, out string? reason);
        reason ??= check(folded!, GraphOptimization.Basic);
        int gone = folded is null ? 0 : model.Graph.Nodes.Count - folded.Graph.Nodes.Count;
        reports.Add(new RewriteReport(RuntimeFolding.Name, Math.Abs(gone), reason is null, reason));
        return reason is null ? folded! : model;
    }
}
