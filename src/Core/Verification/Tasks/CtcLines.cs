using System.Numerics.Tensors;
using System.Text;
using QuantCluster.Data;

namespace QuantCluster.Verification.Tasks;

/// <summary>
/// Text recognition: the share of lines read exactly right, in percent. Greedy CTC over class scores [N, T, C]:
/// best class at every step, repeats collapsed, class 0 (blank) dropped; spaces around a line do not count.
/// </summary>
/// <param name="texts">What every line says, by index.</param>
/// <param name="characters">The character of class 1, 2, ...; a last class beyond them is the space.</param>
public sealed class CtcLines(IReadOnlyList<string> texts, IReadOnlyList<string> characters) : ITaskMetric
{
    public string Name => "ctc-lines";

    public string Title => "lines read exactly right";

    public string Unit => "%";

    public string DropUnit => "points";

    public bool IsBinary => true;

    public int? Labelled => texts.Count;

    /// <summary>Reads a dictionary file: UTF-8, one character a line.</summary>
    public static IReadOnlyList<string> ReadCharacters(string path)
    {
        if (!File.Exists(path))
            throw new QuantException(ExitCode.BadData, $"{path}: no such file (the dictionary of metric 'ctc-lines', one character a line).");
        return File.ReadAllLines(path);
    }

    public void Measure(OutputView output, Sample sample, ICollection<TaskOutcome> outcomes)
    {
        int classes = (int)output.Shape[^1];
        if (output.Shape.Length != 3 || classes < characters.Count + 1 || classes > characters.Count + 2)
        {
            throw new QuantException(ExitCode.BadData,
                $"{Name} needs an output [batch, steps, classes] with {characters.Count + 1} or {characters.Count + 2} classes for {characters.Count} characters, but '{output.Name}' has shape [{string.Join(", ", output.Shape.ToArray())}].");
        }

        int steps = (int)output.Shape[1];
        long batch = output.Shape[0];
        for (int i = 0; i < output.Values.Length / (steps * classes); i++)
        {
            int record = (int)(sample.Index * batch) + i;
            if (record >= texts.Count)
                throw new QuantException(ExitCode.BadData, $"line {record} has no text: there are {texts.Count}.");
            string read = Decode(output.Values.Slice(i * steps * classes, steps * classes), classes);
            outcomes.Add(new TaskOutcome(read.AsSpan().Trim().SequenceEqual(texts[record].AsSpan().Trim()) ? 1 : 0, 1));
        }
    }

    /// <summary>The text a [T, C] block of class scores spells.</summary>
    public string Decode(ReadOnlySpan<float> scores, int classes)
    {
        StringBuilder text = new();
        int previous = 0;
        for (int at = 0; at < scores.Length; at += classes)
        {
            int best = TensorPrimitives.IndexOfMax(scores.Slice(at, classes));
            if (best != previous && best > 0)
                text.Append(best <= characters.Count ? characters[best - 1] : " ");
            previous = best;
        }

        return text.ToString();
    }

    public double Score(double total, double count) => 100 * total / count;

    public double Drop(double reference, double quantized) => reference - quantized;
}
