using System.Runtime;
using System.Runtime.InteropServices;

namespace QuantCluster.Jobs;

/// <summary>Gives memory that a finished stage no longer needs back to the system, so that peaks do not add up.</summary>
internal static partial class ProcessMemory
{
    public static void Release()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            // ONNX Runtime's freed arenas stay in glibc's heaps otherwise.
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // musl gives memory back by itself.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
