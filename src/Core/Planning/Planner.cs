using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Planning;

/// <summary>Decides what runs on integers, following what ONNX Runtime's CPU provider really fuses.</summary>
public static class Planner
{
    /// <param name="prepared">A model that went through preparation.</param>
    /// <param name="shapes">Every tensor's shape in one real run (<see cref="TensorProbe.Observe"/>).</param>
    /// <exception cref="QuantException">The model has no layer that can be quantized.</exception>
    public static QuantizationPlan Plan(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, PlanSettings settings)
    {
        (IReadOnlyList<Layer> layers, IReadOnlyList<FloatLayer> floats) = new LayerFinder(prepared.Graph, shapes, settings).Find();
        IntegerFlow flow = new(prepared.Graph, layers);
        return new QuantizationPlan(layers, flow.Points(), flow.IntegerNodes, floats);
    }
}
