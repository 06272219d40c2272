using System.Runtime.InteropServices;

namespace QuantCluster.Client;

/// <summary>Ends the process while other threads are at work in native code.</summary>
internal static partial class ProcessEnd
{
    /// <summary>A progress display hides the cursor, and is not asked to show it again.</summary>
    public static void ShowCursor()
    {
        if (!Console.IsErrorRedirected)
            Console.Error.Write("\e[?25h");
    }

    /// <summary>
    /// Nothing of the process runs any more: <see cref="Environment.Exit"/> would run the destructors of ONNX Runtime
    /// below the threads that are in it, and some of these then crash. Files are written to be cut short anywhere.
    /// </summary>
    public static void AtOnce(ExitCode code)
    {
        if (OperatingSystem.IsWindows())
            Terminate(-1, (uint)code);
        else
            Exit((int)code);
    }

    // The handle -1 is the process itself.
    [LibraryImport("kernel32", EntryPoint = "TerminateProcess")]
    private static partial int Terminate(nint process, uint code);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
