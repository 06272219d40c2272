using System.Numerics.Tensors;
using QuantCluster.Samples.Digits.Layers;

namespace QuantCluster.Samples.Digits;

/// <summary>Gradient descent with momentum on the softmax cross entropy; the step falls to zero along a cosine.</summary>
internal static class Training
{
    private const int Batch = 64;
    private const float FirstStep = 0.1f;
    private const float Momentum = 0.9f;
    private const float Decay = 5e-4f;

    public static void Run(DigitNetwork network, DigitImages images, int epochs, ulong seed, Action<int, double> tell)
    {
        Dice dice = new(seed);
        int[] order = [.. Enumerable.Range(0, images.Count)];
        int steps = images.Count / Batch * epochs, step = 0;
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            for (int i = order.Length - 1; i > 0; i--)
            {
                int j = dice.Below(i + 1);
                (order[i], order[j]) = (order[j], order[i]);
            }

            double loss = 0;
            int batches = images.Count / Batch;
            for (int b = 0; b < batches; b++)
            {
                ReadOnlySpan<int> chosen = order.AsSpan(b * Batch, Batch);
                Planes scores = network.Forward(images, chosen, training: true);
                loss += LossAndGradient(scores, images, chosen);
                network.Backward(scores);
                Descend(network.Parameters, FirstStep * 0.5f * (1 + MathF.Cos(MathF.PI * step++ / steps)));
            }

            tell(epoch + 1, loss / batches);
        }
    }

    /// <summary>Share of images whose highest score is their digit's.</summary>
    public static double Accuracy(DigitNetwork network, DigitImages images)
    {
        int right = 0;
        for (int first = 0; first < images.Count; first += Batch)
        {
            int[] chosen = [.. Enumerable.Range(first, Math.Min(Batch, images.Count - first))];
            Planes scores = network.Forward(images, chosen, training: false);
            for (int n = 0; n < chosen.Length; n++)
            {
                if (Enumerable.Range(0, Glyphs.Count).MaxBy(k => scores.Row(k)[n]) == images.Labels[chosen[n]])
                    right++;
            }
        }

        return (double)right / images.Count;
    }

    /// <summary>The batch's mean cross entropy; replaces the scores by its gradient.</summary>
    private static double LossAndGradient(Planes scores, DigitImages images, ReadOnlySpan<int> chosen)
    {
        double loss = 0;
        float[] shares = new float[Glyphs.Count];
        for (int n = 0; n < chosen.Length; n++)
        {
            int label = (int)images.Labels[chosen[n]];
            for (int k = 0; k < shares.Length; k++)
                shares[k] = scores.Row(k)[n];
            TensorPrimitives.SoftMax(shares, shares);
            loss -= Math.Log(Math.Max(shares[label], 1e-12f));
            for (int k = 0; k < shares.Length; k++)
                scores.Row(k)[n] = (shares[k] - (k == label ? 1 : 0)) / chosen.Length;
        }

        return loss / chosen.Length;
    }

    private static void Descend(IReadOnlyList<Parameter> parameters, float step)
    {
        foreach (Parameter parameter in parameters)
        {
            if (parameter.Decays)
                TensorPrimitives.MultiplyAdd(parameter.Values, Decay, parameter.Gradient, parameter.Gradient);
            TensorPrimitives.MultiplyAdd(parameter.Momentum, Momentum, parameter.Gradient, parameter.Momentum);
            TensorPrimitives.MultiplyAdd(parameter.Momentum, -step, parameter.Values, parameter.Values);
        }
    }
}
