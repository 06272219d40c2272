using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Emission.Lint;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Planning;

/// <summary>A network taken through the stages from plan to emitted model.</summary>
internal sealed record Flow(OnnxModel Model, IDataset Data, QuantizationPlan Plan, QuantizationConfiguration Configuration)
{
    public OnnxModel Emit() => Emitter.Emit(Model, Plan, Configuration);

    public static QuantizationPlan PlanOf(OnnxModel model, IDataset data, PlanSettings? settings = null) =>
        Planner.Plan(model, TensorProbe.Observe(model, data.Read(0)), settings ?? PlanSettings.Default);

    public static QuantizationPlan PlanOf(OnnxModel model, params string[] keepFloat) =>
        PlanOf(model, Inputs(model, 1), new PlanSettings { KeepFloat = keepFloat.ToHashSet() });

    public static Flow Of(OnnxModel model, IDataset data, RangeSettings? ranges = null, PlanSettings? settings = null)
    {
        QuantizationPlan plan = PlanOf(model, data, settings);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], data, new CalibrationSettings(), null, CancellationToken.None);
        return new Flow(model, data, plan, RangeSelection.Choose(model, plan, statistics, ranges ?? new RangeSettings { Method = "minmax" }));
    }

    public static Flow Of(OnnxModel model, params string[] keepFloat) =>
        Of(model, Inputs(model, 6), settings: new PlanSettings { KeepFloat = keepFloat.ToHashSet() });

    /// <summary>Gaussian samples for a model of one input with known dimensions.</summary>
    public static IDataset Inputs(OnnxModel model, int count)
    {
        var input = model.Graph.RequiredInputs.Single();
        return new GaussianSamples(count, input.Name, [.. input.Type.TensorType.Shape.Dim.Select(d => d.DimValue)]);
    }

    /// <summary>The model's values of some tensors (its outputs by default) for one sample, in ONNX Runtime as users run it.</summary>
    public static float[][] Run(OnnxModel model, Sample sample, params string[] tensors)
    {
        if (tensors.Length == 0)
            tensors = [.. model.Graph.Proto.Output.Select(o => o.Name)];
        using ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(model, tensors), new SessionSettings());
        using RunResult result = session.Run(sample, tensors);
        return [.. tensors.Select((_, i) => result.Floats(i).ToArray())];
    }

    /// <summary>Signal to quantization noise of the emitted model's outputs over all samples, in dB.</summary>
    public static double Sqnr(OnnxModel reference, OnnxModel quantized, IDataset data)
    {
        using ModelSession one = ModelSession.Create(reference, new SessionSettings()), two = ModelSession.Create(quantized, new SessionSettings());
        double signal = 0, noise = 0;
        for (int s = 0; s < data.Count; s++)
        {
            Sample sample = data.Read(s);
            using RunResult expected = one.Run(sample), actual = two.Run(sample);
            for (int o = 0; o < expected.Names.Count; o++)
            {
                ReadOnlySpan<float> e = expected.Floats(o), a = actual.Floats(o);
                for (int i = 0; i < e.Length; i++)
                {
                    signal += (double)e[i] * e[i];
                    noise += ((double)e[i] - a[i]) * ((double)e[i] - a[i]);
                }
            }
        }

        return 10 * Math.Log10(signal / noise);
    }

    /// <summary>Checks in ONNX Runtime's own optimized graph that every planned layer and integer node is an integer kernel.</summary>
    public LintReport AssertIntegerKernels()
    {
        LintReport report = Linter.Lint(Emit());
        Assert.Null(report.NotVerified);
        Assert.All(report.Nodes, n => Assert.True(n.Agrees, $"{n}"));
        foreach (Layer layer in Plan.Layers)
        {
            NodeVerdict verdict = report.Nodes.Single(n => n.Node == layer.Node);
            Assert.True((verdict.Actual ?? verdict.Predicted).Kind == KernelKind.Integer, $"{verdict}");
        }

        Assert.False(report.HasTraps, string.Join('\n', report.Findings));
        return report;
    }
}
