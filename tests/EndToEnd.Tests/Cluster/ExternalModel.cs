using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Cluster;

/// <summary>Models of two files: the graph, and <c>PATH.data</c> with the tensors' values.</summary>
internal static class ExternalModel
{
    public static void Write(OnnxModel model, string path)
    {
        ModelProto proto = model.Proto.Clone();
        using FileStream data = File.Create(path + ".data");
        foreach (TensorProto tensor in proto.Graph.Initializer.Where(t => t.RawData.Length >= 64))
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = Path.GetFileName(path) + ".data" });
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{data.Position}" });
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = $"{tensor.RawData.Length}" });
            tensor.DataLocation = TensorProto.Types.DataLocation.External;
            data.Write(tensor.RawData.Span);
            tensor.ClearRawData();
        }

        Assert.True(data.Length > 0);
        File.WriteAllBytes(path, OnnxModel.FromProto(proto).ToBytes());
    }
}
