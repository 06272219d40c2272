using System.Runtime.InteropServices;
using QuantCluster.Onnx;

namespace QuantCluster.Inference;

/// <summary>Memory that closed sessions and dropped models leave with the allocators.</summary>
public static partial class UnusedMemory
{
    /// <summary>Gives it back to the system, before work whose peak shall be low. Takes some ten milliseconds.</summary>
    public static void Return()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        MappedFile.ReleasePages();
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            // glibc keeps what ONNX Runtime freed (https://man7.org/linux/man-pages/man3/malloc_trim.3.html).
            _ = TrimHeap(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library: it has no such call, and does not keep as much.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint keep);
}
