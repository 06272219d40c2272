namespace QuantCluster.Samples.Digits.Layers;

/// <summary>A trained array with its gradient and the momentum of gradient descent.</summary>
internal sealed class Parameter(float[] values, bool decays)
{
    public float[] Values => values;

    public float[] Gradient { get; } = new float[values.Length];

    public float[] Momentum { get; } = new float[values.Length];

    /// <summary>Whether weight decay applies.</summary>
    public bool Decays => decays;
}

/// <summary>One step of the network: forward, backward, and itself as ONNX nodes.</summary>
internal interface ILayer
{
    IEnumerable<Parameter> Parameters { get; }

    /// <param name="input">Kept until the backward pass.</param>
    /// <param name="training">Whether batch statistics are used and followed.</param>
    Planes Forward(Planes input, bool training);

    /// <summary>Takes the loss's gradient by the output, sets the parameters' gradients, gives the gradient by the input.</summary>
    Planes Backward(Planes gradient);

    /// <summary>Adds the layer's nodes; gives the name of its output.</summary>
    string Emit(OnnxWriter writer, string input);
}
