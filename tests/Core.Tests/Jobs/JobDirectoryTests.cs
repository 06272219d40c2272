using System.Text;
using System.Text.Json;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class JobDirectoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static JobSpecification Specification(string model = "aa") =>
        BareJob.Specify(model) with { Settings = new JobSettings { Method = RangeMethod.Entropy, Samples = 3 } };

    [Fact]
    public void A_job_is_opened_with_what_it_was_created_with()
    {
        JobDirectory.Create(_folder["job"], Specification()).Dispose();
        using JobDirectory job = JobDirectory.Open(_folder["job"]);
        Assert.Equal(Specification(), job.Specification);
    }

    [Fact]
    public void The_specification_is_canonical_JSON()
    {
        string text = Encoding.UTF8.GetString(Specification().ToBytes());
        Assert.StartsWith("""{"data":null,"evaluation":null,"format":1,"model":{"path":"/m.onnx","sha256":"aa"},"output":"/out.onnx",""", text);
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement settings = document.RootElement.GetProperty("settings");
        Assert.Equal("Entropy", settings.GetProperty("method").GetString());
        Assert.Equal(3, settings.GetProperty("samples").GetInt32());
        foreach (JsonElement element in new[] { document.RootElement, settings })
        {
            string[] names = [.. element.EnumerateObject().Select(p => p.Name)];
            Assert.Equal(names.Order(StringComparer.Ordinal), names);
        }
    }

    [Fact]
    public void Two_processes_cannot_work_on_one_job()
    {
        using JobDirectory job = JobDirectory.Create(_folder["job"], Specification());
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Open(_folder["job"]));
        Assert.Equal($"{_folder["job"]}: another process works on this job. Wait for it, or stop it first.", e.Message);
    }

    [Fact]
    public void Other_settings_go_on_in_the_same_folder_and_another_model_does_not()
    {
        JobDirectory.Create(_folder["job"], Specification()).Dispose();
        JobDirectory.Create(_folder["job"], Specification() with { Settings = new JobSettings() }).Dispose();
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Create(_folder["job"], Specification("bb")));
        Assert.Contains("holds the job of another model (/m.onnx)", e.Message);
        Assert.Equal(ExitCode.Usage, e.Code);
    }

    [Fact]
    public void A_folder_with_other_files_is_left_alone()
    {
        File.WriteAllText(_folder["precious.txt"], "");
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Create(_folder.Path, Specification()));
        Assert.Equal($"{_folder.Path}: is not empty and holds no job. Choose another --job folder.", e.Message);
    }

    [Fact]
    public void What_a_process_left_that_was_killed_while_it_made_the_folder_is_in_nobodys_way()
    {
        Directory.CreateDirectory(_folder["job/report"]);
        File.WriteAllText(_folder["job/lock"], "");
        File.WriteAllText(_folder["job/.job.json.0123abcd.quant-part"], "{");
        JobDirectory.Create(_folder["job"], Specification()).Dispose();
        Assert.False(File.Exists(_folder["job/.job.json.0123abcd.quant-part"]));
    }

    [Fact]
    public void A_folder_without_a_job_says_so()
    {
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Open(_folder.Path));
        Assert.Equal($"{_folder.Path}: holds no job (no job.json). 'quant run' starts one.", e.Message);
    }

    [Fact]
    public void A_job_of_a_later_format_names_the_version_to_use()
    {
        Directory.CreateDirectory(_folder["job"]);
        File.WriteAllBytes(_folder["job/job.json"], (Specification() with { Format = 9, Tool = "7.5" }).ToBytes());
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Open(_folder["job"]));
        Assert.Contains("Use the version that made it (7.5)", e.Message);
    }

    public void Dispose() => _folder.Dispose();
}
