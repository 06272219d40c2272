using System.Diagnostics;

namespace QuantCluster.Tests.Chaos;

/// <summary>A file system small enough to be filled; an ordinary folder where this user may not mount one.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Megabytes = 48;

    public SmallDisk() => CanBeFilled = OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m", "tmpfs", Folder);

    public string Folder { get; } = Directory.CreateTempSubdirectory("quant-disk-").FullName;

    /// <summary>Whether <see cref="Fill"/> does anything.</summary>
    public bool CanBeFilled { get; }

    private string Ballast => Path.Combine(Folder, "ballast");

    /// <summary>Takes all the room there is.</summary>
    public void Fill()
    {
        try
        {
            using FileStream stream = new(Ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            byte[] block = new byte[4096];
            while (CanBeFilled)
                stream.Write(block);
        }
        catch (IOException)
        {
            // It is full.
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(Ballast);

    public void Dispose()
    {
        if (CanBeFilled)
            Run("umount", "-l", Folder);
        Directory.Delete(Folder, recursive: true);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
