using System.Diagnostics;

namespace QuantCluster.Tests.Chaos;

/// <summary>
/// A machine's clock that is off, for one process: a few lines of C that the system loads before libc and that answer
/// for it whoever asks for the time of day, the runtime and every library. What measures durations is as it should be.
/// (libfaketime does the same, but breaks the waiting of .NET's threads, which then spin.)
/// </summary>
internal static class ShiftedClock
{
    /// <summary>What a test says that needs it where it is not to be had.</summary>
    public const string Missing = "NOT TESTED: no C compiler on this machine to shift a process's clock with (Debian: apt-get install gcc libc6-dev).";

    private const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <sys/time.h>
        #include <time.h>

        typedef int (*clock_function)(clockid_t, struct timespec *);

        int clock_gettime(clockid_t clock, struct timespec *now)
        {
            static clock_function real;
            static const char *off;
            if (!off) off = getenv("CLOCK_OFF_SECONDS");
            if (!real) real = (clock_function)dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(clock, now);
            if (result == 0 && off && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += atoll(off);
            return result;
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone)
        {
            struct timespec exact;
            (void)zone;
            clock_gettime(CLOCK_REALTIME, &exact);
            now->tv_sec = exact.tv_sec;
            now->tv_usec = exact.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *where)
        {
            struct timespec exact;
            clock_gettime(CLOCK_REALTIME, &exact);
            if (where) *where = exact.tv_sec;
            return exact.tv_sec;
        }
        """;

    private static readonly Lazy<string?> Library = new(Compile);

    public static bool CanBeHad => Library.Value is not null;

    /// <summary>What a process is started through, and that becomes it.</summary>
    public static IReadOnlyList<string> Wrapping(TimeSpan off) => ["env", $"LD_PRELOAD={Library.Value}", $"CLOCK_OFF_SECONDS={(long)off.TotalSeconds}"];

    private static string? Compile()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        string folder = Directory.CreateTempSubdirectory("quant-clock-").FullName, source = Path.Combine(folder, "clock.c"), library = Path.Combine(folder, "clock.so");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        File.WriteAllText(source, Source);
        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("cc", ["-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"]) { RedirectStandardError = true })!;
            compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? library : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
