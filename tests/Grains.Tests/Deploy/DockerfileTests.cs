using System.Text.RegularExpressions;

namespace QuantCluster.Tests.Deploy;

public sealed partial class DockerfileTests
{
    public static TheoryData<string, string> Files => new() { { "silo", "Silo" }, { "client", "Client" } };

    [Theory]
    [MemberData(nameof(Files))]
    public void Images_are_built_in_stages_run_as_no_root_and_are_checked(string name, string project)
    {
        string[] lines = DeployFiles.Read($"deploy/docker/{name}.Dockerfile").Replace("\\\n", " ").Split('\n');
        Assert.Equal(2, lines.Count(l => l.StartsWith("FROM ", StringComparison.Ordinal)));
        Assert.Equal("USER $APP_UID", lines.Last(l => l.StartsWith("USER ", StringComparison.Ordinal)));
        Assert.Single(lines, l => l.StartsWith("HEALTHCHECK ", StringComparison.Ordinal));
        foreach (string source in lines.Where(l => l.StartsWith("COPY ", StringComparison.Ordinal) && !l.Contains("--from")).SelectMany(l => l.Split(' ')[1..^1]))
            Assert.True(Path.Exists(Path.Combine(DeployFiles.Root, source)), $"{name}: {source}");
        string publish = Assert.Single(lines, l => l.Contains("dotnet publish"));
        string file = $"src/{project}/QuantCluster.{project}.csproj";
        Assert.Contains(file, publish);
        string assembly = AssemblyName().Match(DeployFiles.Read(file)).Groups[1].Value;
        Assert.Contains($"{assembly}.dll\"]", lines.Last(l => l.StartsWith("ENTRYPOINT ", StringComparison.Ordinal)));
        foreach (Match variable in Variable().Matches(string.Join('\n', lines)))
            Assert.Contains(variable.Value, DeployFiles.Variables);
    }

    [Fact]
    public void What_is_copied_is_not_ignored()
    {
        string[] ignored = DeployFiles.Read(".dockerignore").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain("src", ignored);
        Assert.DoesNotContain("eng", ignored);
        Assert.Contains("**/obj", ignored);
    }

    [GeneratedRegex("<AssemblyName>(.*)</AssemblyName>")]
    private static partial Regex AssemblyName();

    [GeneratedRegex("QUANT_[A-Z_]+")]
    private static partial Regex Variable();
}
