using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>What other processes take of the machine while this one measures.</summary>
internal sealed class OtherProcesses
{
    // Linux counts time in hundredths of a second, on all platforms that .NET runs on.
    private const double TicksPerSecond = 100;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly double _busy = BusySeconds();
    private readonly double _own = OwnSeconds();

    /// <summary>
    /// Cores that others kept busy, on average since this was made; NaN where the system does not tell. A measurement is
    /// good for little where it is not close to zero.
    /// </summary>
    public double Cores() => Math.Max(0, BusySeconds() - _busy - (OwnSeconds() - _own)) / _clock.Elapsed.TotalSeconds;

    private static double OwnSeconds()
    {
        using Process process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    // "cpu user nice system idle iowait irq softirq steal …"
    private static double BusySeconds()
    {
        const string Path = "/proc/stat";
        if (!File.Exists(Path))
            return double.NaN;
        double[] ticks =
        [
            .. File.ReadLines(Path)
                .First()
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
                .Select(text => double.Parse(text, CultureInfo.InvariantCulture)),
        ];
        const int Idle = 3;
        const int WaitingForDevices = 4;
        return (ticks.Sum() - ticks[Idle] - ticks[WaitingForDevices]) / TicksPerSecond;
    }
}
