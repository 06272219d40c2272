using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Preparation.Rewrites;

namespace QuantCluster.Preparation;

/// <summary>Applies our own rewrites until none finds anything more to do, and keeps those that are exact.</summary>
internal static class RewriteRun
{
    /// <summary>Every rewrite, in the order tried. Adding one is one line here and one file under <c>Rewrites/</c>.</summary>
    public static readonly IReadOnlyList<IGraphRewrite> All =
    [
        new RemoveNoOperation(),
        new MergePadding(),
        new UntransposeBatchNormalization(),
        new SquareAsPower(),
        new HardSwishAsHardSigmoid(),
        new MergeConstantFactors(),
        new ConstantReshape(),
        new FoldAffineIntoProducer(),
        new FoldAffineIntoConsumers(),
        new MoveScaleBelowShift(),
        new MatrixBiasAsGemm(),
    ];

    /// <summary>
    /// Applies all kinds and checks once. If the result differs from the original the kinds are added one
    /// after the other, each with a check, and those that make it differ are left out.
    /// </summary>
    public static OnnxModel Apply(
        OnnxModel model, ModelCheck check, PreparationSettings settings, List<RewriteReport> reports, CancellationToken cancellation)
    {
        List<IGraphRewrite> allowed = [.. All.Where(r => !settings.Disabled.Contains(r.Name))];
        OnnxModel all = Rewrite(model, allowed, out Dictionary<string, int> sites, cancellation);
        if (sites.Count == 0)
            return model;
        if (check(all, GraphOptimization.Basic) is null)
        {
            reports.AddRange(allowed.Where(r => sites.ContainsKey(r.Name)).Select(r => new RewriteReport(r.Name, sites[r.Name], Kept: true)));
            return all;
        }

        List<IGraphRewrite> kept = [];
        OnnxModel current = model;
        foreach (IGraphRewrite rewrite in allowed)
        {
            OnnxModel candidate = Rewrite(model, [.. kept, rewrite], out sites, cancellation);
            if (!sites.TryGetValue(rewrite.Name, out int count))
                continue;
            string? difference = check(candidate, GraphOptimization.Basic);
            reports.Add(new RewriteReport(rewrite.Name, count, difference is null, difference));
            if (difference is not null)
                continue;
            kept.Add(rewrite);
            current = candidate;
        }

        return current;
    }

    private static OnnxModel Rewrite(
        OnnxModel model, IReadOnlyList<IGraphRewrite> rewrites, out Dictionary<string, int> sites, CancellationToken cancellation)
    {
        OnnxModel result = model.Clone();
        sites = [];
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (IGraphRewrite rewrite in rewrites)
            {
                int count = ApplyEverywhere(result.Graph, rewrite, cancellation);
                if (count == 0)
                    continue;
                sites[rewrite.Name] = sites.GetValueOrDefault(rewrite.Name) + count;
                changed = true;
            }
        }

        CanonicalForm.Apply(result);
        return result;
    }

    private static int ApplyEverywhere(Graph graph, IGraphRewrite rewrite, CancellationToken cancellation)
    {
        int count = 0;
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!rewrite.TryApply(graph, graph.Nodes[i]))
                continue;
            graph.Reindex();
            count++;
            // The list has changed around here; look again from the start of the neighbourhood.
            i = Math.Max(-1, i - 3);
        }

        return count;
    }
}
