using Microsoft.ML.OnnxRuntime;
using QuantCluster.Data;
using QuantCluster.Onnx;

namespace QuantCluster.Inference;

/// <summary>The outputs of one run, in ONNX Runtime's own memory: views are valid until it is disposed.</summary>
public sealed class RunResult : IDisposable
{
    private readonly IDisposableReadOnlyCollection<OrtValue> _values;

    internal RunResult(string[] names, IDisposableReadOnlyCollection<OrtValue> values)
    {
        Names = names;
        _values = values;
    }

    public IReadOnlyList<string> Names { get; }

    public ElementType TypeOf(int output) => (ElementType)_values[output].GetTensorTypeAndShape().ElementDataType;

    public long[] ShapeOf(int output) => _values[output].GetTensorTypeAndShape().Shape;

    /// <summary>The elements of a float32 output.</summary>
    public ReadOnlySpan<float> Floats(int output) => _values[output].GetTensorDataAsSpan<float>();

    /// <summary>The elements of an output as bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int output) => _values[output].GetTensorMutableRawData();

    public int IndexOf(string name)
    {
        for (int i = 0; i < Names.Count; i++)
        {
            if (Names[i] == name)
                return i;
        }

        throw new ArgumentException($"{name} is not among the outputs of this run", nameof(name));
    }

    /// <summary>A copy that outlives the run.</summary>
    public DenseTensor Copy(int output) => new(TypeOf(output), ShapeOf(output), Bytes(output).ToArray());

    public void Dispose() => _values.Dispose();
}
