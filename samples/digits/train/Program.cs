using System.Diagnostics;
using System.Runtime.InteropServices;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Samples.Digits;

// train-digits FOLDER: draws the images, trains the network and writes the sample's files into FOLDER.
// Everything is seeded; on CPUs with other vector widths the last bits of the weights may differ.
string folder = args.Length == 1 ? args[0] : throw new ArgumentException("usage: train-digits FOLDER");
Stopwatch watch = Stopwatch.StartNew();
DigitNetwork network = new(seed: 1);
Training.Run(network, DigitImages.Draw(12_000, seed: 2), epochs: 8, seed: 3, (epoch, loss) =>
    Console.WriteLine($"epoch {epoch}: loss {loss:f4} ({watch.Elapsed.TotalSeconds:f0} s)"));

DigitImages calibration = DigitImages.Draw(192, seed: 4), evaluation = DigitImages.Draw(1_000, seed: 5);
byte[] model = network.ToOnnx().ToBytes();
Console.WriteLine($"right on new images: {Training.Accuracy(network, evaluation):p1}; in ONNX Runtime: {InOnnxRuntime(model, evaluation):p1}");

File.WriteAllBytes(Path.Combine(folder, "digits.onnx"), model);
WriteImages("calib", calibration);
WriteImages("eval", evaluation);

void WriteImages(string split, DigitImages images)
{
    NpyFile.Write(Path.Combine(folder, $"{split}_u8.npy"), "|u1", [images.Count, DigitImages.Side, DigitImages.Side, 1], images.Pixels);
    NpyFile.Write(Path.Combine(folder, $"{split}_labels.npy"), "<i8", [images.Count], MemoryMarshal.AsBytes<long>(images.Labels));
}

static double InOnnxRuntime(byte[] model, DigitImages images)
{
    using ModelSession session = ModelSession.Create(model, new SessionSettings());
    float[] pixels = [.. images.Pixels.Select(p => ((p / 255f) - 0.5f) / 0.5f)];
    using RunResult result = session.Run(new Dictionary<string, DenseTensor>
    {
        ["image"] = DenseTensor.FromFloats([images.Count, 1, DigitImages.Side, DigitImages.Side], pixels),
    });
    float[] scores = result.Floats(0).ToArray();
    return images.Labels.Index().Average(l => scores.AsSpan(l.Index * Glyphs.Count, Glyphs.Count).IndexOf(scores.Skip(l.Index * Glyphs.Count).Take(Glyphs.Count).Max()) == l.Item ? 1.0 : 0);
}
