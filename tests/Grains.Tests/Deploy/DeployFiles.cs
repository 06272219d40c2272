using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace QuantCluster.Tests.Deploy;

/// <summary>The files under <c>deploy/</c>, and what the code they start reads.</summary>
internal static partial class DeployFiles
{
    public static string Root { get; } = Path.GetFullPath(Samples.Path(".."));

    /// <summary>Every QUANT_ variable that some source reads.</summary>
    public static IReadOnlySet<string> Variables { get; } = Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
        .SelectMany(f => Variable().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value))
        .ToHashSet();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>The first document of a YAML file.</summary>
    public static YamlMappingNode Yaml(string path)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(Read(path)));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }

    /// <summary>The node at the end of some keys.</summary>
    public static YamlNode At(this YamlNode node, params string[] keys) => keys.Aggregate(node, (n, key) => n[key]);

    public static bool Has(this YamlNode node, string key) => ((YamlMappingNode)node).Children.ContainsKey(key);

    public static IEnumerable<(string Key, YamlNode Value)> Entries(this YamlNode node) =>
        ((YamlMappingNode)node).Children.Select(c => (c.Key.ToString(), c.Value));

    public static IEnumerable<string> Texts(this YamlNode node) => ((YamlSequenceNode)node).Select(n => n.ToString());

    [GeneratedRegex("\"(QUANT_[A-Z_]+)\"")]
    private static partial Regex Variable();
}
