using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Preparation;
using QuantCluster.Preparation.Upgrading;

namespace QuantCluster.Tests.Preparation;

/// <summary>Each operator whose form changed: the upgraded model answers like the old one, in ONNX Runtime.</summary>
public class OpsetUpgradeTests
{
    private static readonly long[] Input = [2, 3, 4, 5];

    public static TheoryData<string, int> Changes => new()
    {
        { "Softmax default axis", 7 },
        { "Softmax axis 2", 9 },
        { "Softmax last axis", 12 },
        { "LogSoftmax axis 1", 9 },
        { "Hardmax axis 2", 11 },
        { "Slice", 7 },
        { "Slice without axes", 9 },
        { "Squeeze", 9 },
        { "Unsqueeze", 11 },
        { "ReduceSum", 12 },
        { "ReduceSum of all", 7 },
        { "ReduceMean", 9 },
        { "Split", 7 },
        { "Split evenly", 11 },
        { "Pad constant", 7 },
        { "Pad reflect", 10 },
        { "Clip", 7 },
        { "Clip below", 9 },
        { "Upsample nearest", 7 },
        { "Upsample linear", 9 },
        { "Resize nearest", 10 },
        { "Dropout", 7 },
        { "TopK", 9 },
        { "BatchNormalization", 7 },
        { "Scatter", 9 },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void An_operator_answers_the_same_after_the_upgrade(string which, int opset)
    {
        OnnxModel model = Build(which, opset);
        Sample sample = Models.Sample(Input);
        DenseTensor expected = Models.Run(model, sample);
        PreparationSettings settings = new() { Disabled = [RuntimeFolding.Name] };
        PreparedModel prepared = Preparer.Prepare(model, sample, settings);
        Assert.Equal(13, prepared.Model.Opset);
        Same(expected, Models.Run(prepared.Model, sample));

        // Where nothing is known of the tensors, as in subgraphs, too.
        OnnxModel blind = model.Clone();
        OpsetUpgrader.Upgrade(blind, 13, new Dictionary<string, KnownTensor>());
        Same(expected, Models.Run(blind, sample));
    }

    [Fact]
    public void Nodes_in_subgraphs_are_upgraded_too()
    {
        GraphProto Branch(string output, params long[] axes)
        {
            GraphProto branch = new() { Name = output };
            branch.Node.Add(Nodes.Create("Unsqueeze", output, ["x"], [output], Nodes.Ints("axes", axes)));
            branch.Output.Add(new ValueInfoProto { Name = output });
            return branch;
        }

        AttributeProto Body(string name, GraphProto graph) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = graph };
        TensorProto condition = Tensors.FromBytes("always", ElementType.Bool, [], [1]);
        OnnxModel model = Models.Create(11, Input, [condition],
            Nodes.Create("If", "if", ["always"], ["y"], Body("then_branch", Branch("a", 0)), Body("else_branch", Branch("b", 1))));
        Sample sample = Models.Sample(Input);
        PreparedModel prepared = Preparer.Prepare(model, sample, new PreparationSettings { Disabled = [RuntimeFolding.Name] });
        Assert.Equal("If", Assert.Single(Models.Operators(prepared.Model)));
        Same(Models.Run(model, sample), Models.Run(prepared.Model, sample));
    }

    [Fact]
    public void Initializers_listed_as_inputs_become_constants()
    {
        OnnxModel model = Models.Create(8, Input, [Models.Noise("w", 2, 3, 1, 1)], Nodes.Create("Conv", "conv", ["x", "w"], ["y"]));
        model.Proto.IrVersion = 3;
        model.Proto.Graph.Input.Add(Models.Value("w", [2, 3, 1, 1]));
        model.Graph.Reindex();
        PreparedModel prepared = Preparer.Prepare(model, Models.Sample(Input), new PreparationSettings());
        Assert.Equal("x", Assert.Single(prepared.Model.Proto.Graph.Input).Name);
    }

    private static OnnxModel Build(string which, int opset)
    {
        NodeProto One(string op, params AttributeProto[] attributes) => Nodes.Create(op, "node", ["x"], ["y"], attributes);
        AttributeProto Floats(string name, params float[] values)
        {
            AttributeProto attribute = new() { Name = name, Type = AttributeProto.Types.AttributeType.Floats };
            attribute.Floats.AddRange(values);
            return attribute;
        }

        TensorProto scales = Tensors.FromFloats("scales", [4], [1, 1, 2, 3]);
        (IEnumerable<TensorProto> Constants, NodeProto[] Nodes) made = which switch
        {
            "Softmax default axis" => ([], [One("Softmax")]),
            "Softmax axis 2" => ([], [One("Softmax", Nodes.Int("axis", 2))]),
            "Softmax last axis" => ([], [One("Softmax", Nodes.Int("axis", -1))]),
            "LogSoftmax axis 1" => ([], [One("LogSoftmax", Nodes.Int("axis", 1))]),
            "Hardmax axis 2" => ([], [One("Hardmax", Nodes.Int("axis", 2))]),
            "Slice" => ([], [One("Slice", Nodes.Ints("axes", 1, 3), Nodes.Ints("starts", 1, -3), Nodes.Ints("ends", 3, 99))]),
            "Slice without axes" => ([], [One("Slice", Nodes.Ints("starts", 0, 1), Nodes.Ints("ends", 1, 3))]),
            "Squeeze" => ([], [Nodes.Create("ReduceMax", "first", ["x"], ["m"], Nodes.Ints("axes", 1)),
                Nodes.Create("Squeeze", "node", ["m"], ["y"], Nodes.Ints("axes", 1))]),
            "Unsqueeze" => ([], [One("Unsqueeze", Nodes.Ints("axes", 0, 3))]),
            "ReduceSum" => ([], [One("ReduceSum", Nodes.Ints("axes", 1, -1), Nodes.Int("keepdims", 0))]),
            "ReduceSum of all" => ([], [One("ReduceSum")]),
            "ReduceMean" => ([], [One("ReduceMean", Nodes.Ints("axes", 2))]),
            "Split" => ([], [Nodes.Create("Split", "split", ["x"], ["a", "b"], Nodes.Int("axis", 3), Nodes.Ints("split", 2, 3)),
                Nodes.Create("Relu", "relu", ["b"], ["y"])]),
            "Split evenly" => ([], [Nodes.Create("Split", "split", ["x"], ["a", "b"], Nodes.Int("axis", 2)),
                Nodes.Create("Sub", "sub", ["a", "b"], ["y"])]),
            "Pad constant" => ([], [One("Pad", Nodes.Ints("pads", 0, 1, 0, 2, 0, 0, 1, 1), Nodes.Float("value", 0.5f))]),
            "Pad reflect" => ([], [One("Pad", Nodes.Text("mode", "reflect"), Nodes.Ints("pads", 0, 0, 1, 2, 0, 0, 1, 1))]),
            "Clip" => ([], [One("Clip", Nodes.Float("min", -0.25f), Nodes.Float("max", 0.5f))]),
            "Clip below" => ([], [One("Clip", Nodes.Float("min", 0.1f))]),
            "Upsample nearest" => ([], [One("Upsample", Floats("scales", 1, 1, 2, 3))]),
            "Upsample linear" => ([scales], [Nodes.Create("Upsample", "node", ["x", "scales"], ["y"], Nodes.Text("mode", "linear"))]),
            "Resize nearest" => ([scales], [Nodes.Create("Resize", "node", ["x", "scales"], ["y"], Nodes.Text("mode", "nearest"))]),
            "Dropout" => ([], [Nodes.Create("Dropout", "node", ["x"], ["d", "mask"], Nodes.Float("ratio", 0.4f)), Nodes.Create("Relu", "relu", ["d"], ["y"])]),
            "TopK" => ([], [Nodes.Create("TopK", "node", ["x"], ["y", "indices"], Nodes.Int("axis", 3), Nodes.Int("k", 2))]),
            "BatchNormalization" => ([Models.Noise("g", 3), Models.Noise("be", 3), Models.Noise("mea", 3), Tensors.FromFloats("v", [3], [1, 2, 3])],
                [Nodes.Create("BatchNormalization", "node", ["x", "g", "be", "mea", "v"], ["y"], Nodes.Int("spatial", 1))]),
            "Scatter" => ([Tensors.FromInt64s("at", [1, 1, 1, 2], [1, 0]), Tensors.FromFloats("new", [1, 1, 1, 2], [7, 8])],
                [Nodes.Create("Scatter", "node", ["x", "at", "new"], ["y"], Nodes.Int("axis", 2))]),
            _ => throw new ArgumentException(which),
        };
        return Models.Create(opset, Input, made.Constants, made.Nodes);
    }

    private static void Same(DenseTensor expected, DenseTensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        for (int i = 0; i < expected.Floats.Length; i++)
            Assert.Equal(expected.Floats[i], actual.Floats[i], 1e-6f);
    }
}
