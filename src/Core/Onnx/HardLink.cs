using System.Runtime.InteropServices;

namespace QuantCluster.Onnx;

/// <summary>A second name of a file, where the file system can.</summary>
internal static partial class HardLink
{
    /// <returns>Whether <paramref name="path"/> now names the file <paramref name="existing"/>.</returns>
    public static bool TryCreate(string path, string existing)
    {
        try
        {
            return OperatingSystem.IsWindows() ? CreateOnWindows(path, existing, 0) : Create(existing, path) == 0;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Create(string existing, string path);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateOnWindows(string path, string existing, nint security);
}
