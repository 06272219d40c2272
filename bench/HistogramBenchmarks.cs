using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using QuantCluster.Calibration;

namespace QuantCluster.Bench;

/// <summary>The counting loop on values like a ReLU's output (half zeros) and a linear layer's.</summary>
public class HistogramBenchmarks
{
    private readonly int[] _counts = new int[FloatBins.Count];
    private readonly HistogramTable _table = new();
    private float[] _values = [];

    [Params(true, false)]
    public bool Relu { get; set; }

    public static int Run(string[] arguments)
    {
        BenchmarkRunner.Run<HistogramBenchmarks>(null, arguments);
        return 0;
    }

    [GlobalSetup]
    public void Setup()
    {
        using GaussianSamples samples = new(1, "x", [1 << 20]);
        _values = samples.Read(0).Inputs["x"].Floats.ToArray();
        for (int i = 0; Relu && i < _values.Length; i++)
            _values[i] = Math.Max(0, _values[i]);
    }

    [Benchmark(Baseline = true)]
    public void Naive()
    {
        foreach (float value in _values)
            _counts[BitConverter.SingleToUInt32Bits(value) >> 16]++;
    }

    [Benchmark]
    public float TableWithExtremes()
    {
        ValueScan scan = new();
        _table.Add(_values, ref scan);
        return scan.Maximum;
    }

    [Benchmark]
    public float ExtremesAlone()
    {
        ValueScan scan = new();
        scan.Add(_values);
        return scan.Minimum + scan.Maximum;
    }
}
