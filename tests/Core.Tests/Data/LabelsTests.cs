using QuantCluster.Data;

namespace QuantCluster.Tests.Data;

public sealed class LabelsTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void Classes_come_from_an_npy_of_any_integer_type()
    {
        Labels labels = Labels.Load(_folder.Npy<byte>("y.npy", "|u1", [3, 1], [7, 255, 0]));
        Assert.Equal([7, 255, 0], labels.Classes);
        Assert.Null(labels.Texts);
        Assert.Equal(3, labels.Count);
    }

    [Fact]
    public void Texts_or_classes_come_from_a_JSON_list()
    {
        Assert.Equal(["a", "ß 你"], Labels.Load(_folder.Write("t.json", "[\"a\", \"ß 你\"]")).Texts);
        Assert.Equal([1, -1], Labels.Load(_folder.Write("c.json", "[1, -1]")).Classes);
    }

    [Fact]
    public void What_is_no_label_is_named()
    {
        Refuses("label 1 is \"b\"; labels must all be strings, or all integers.", _folder.Write("m.json", "[1, \"b\"]"));
        Refuses("label 0 is 1.5; labels must all be strings, or all integers.", _folder.Write("f.json", "[1.5]"));
        Refuses("labels must be a JSON list of strings or of integers, or a .npy of integers.", _folder.Write("o.json", "{}"));
        Refuses("labels must be a one-dimensional array of integers, this is [1] of float32.", _folder.Npy<float>("y.npy", "<f4", [1], [1]));

        static void Refuses(string message, string path) => Assert.Equal($"{path}: {message}", Assert.Throws<QuantException>(() => Labels.Load(path)).Message);
    }

    [Fact]
    public void The_true_lines_of_the_text_recognition_anchor_are_texts() =>
        Assert.Equal(200, Labels.Load(Anchors.Path(Path.Combine("data", "ocr_eval_text.json"))).Texts!.Count);

    public void Dispose() => _folder.Dispose();
}
