using System.CommandLine;
using QuantCluster.Onnx;
namespace QuantCluster.Client.Commands;
internal static class LayersProbe
{
    public static Command Create()
    {
        Argument<string> model = new("model");
        Command command = new("nodes") { model };
        command.SetAction(parsed =>
        {
            OnnxModel m = OnnxModel.Load(parsed.GetValue(model)!);
            Console.WriteLine($"opset {m.Opset} ir {m.Proto.IrVersion} producer {m.Proto.ProducerName}");
            foreach (var i in m.Graph.RequiredInputs) Console.WriteLine($"in  {i}");
            foreach (var n in m.Graph.Nodes)
                Console.WriteLine($"{n.OpType,-18} {string.Join(", ", n.Input.Select(i => m.Graph.Initializer(i) is { } t ? $"{i}:{t.ElementType()}[{string.Join('x', t.Dims)}]" : i))} -> {string.Join(", ", n.Output)}  {string.Join(' ', n.Attribute.Where(a=>a.HasI||a.Ints.Count>0||a.HasF).Select(a => a.Name + "=" + (a.HasI ? a.I.ToString() : a.HasF ? a.F.ToString() : string.Join('.', a.Ints))))}");
            foreach (var i in m.Graph.Proto.Output) Console.WriteLine($"out {i}");
            return 0;
        });
        return command;
    }
}
