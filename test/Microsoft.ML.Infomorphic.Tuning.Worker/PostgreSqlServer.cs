using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Microsoft.ML.Infomorphic.Tuning.Worker;

/// <summary>A PostgreSQL server of its own in a temporary folder, on a loopback port; gone when disposed of.</summary>
internal sealed class PostgreSqlServer : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("postgresql").FullName;
    private readonly int _port = FreePort();
    private Process? _process;

    public PostgreSqlServer()
    {
        if (Environment.IsPrivilegedProcess)
            Run("chown", "postgres:postgres", _folder);
        RunAsServer("initdb", "-D", Data, "-A", "trust", "-U", "postgres", "--no-sync").WaitForExit();
        Start();
    }

    public string Location => $"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres;Timeout=5";

    private string Data => Path.Combine(_folder, "data");

    /// <summary>Whether the server's programs are here and can be run; else why not.</summary>
    public static bool IsAvailable([NotNullWhen(false)] out string? reason)
    {
        reason =
            OperatingSystem.IsWindows() ? "The PostgreSQL tests start the server of a Linux package."
            : Binaries is null ? "No PostgreSQL server is installed (Debian's package postgresql)."
            : Environment.IsPrivilegedProcess && !File.Exists("/usr/sbin/runuser") && !File.Exists("/sbin/runuser")
                ? "PostgreSQL does not run as root, and there is no runuser."
            : null;
        return reason is null;
    }

    public void Start()
    {
        _process = RunAsServer("postgres", "-D", Data, "-p", $"{_port}", "-k", _folder, "-h", "127.0.0.1", "-F");
        var waited = Stopwatch.StartNew();
        while (true)
        {
            using Process ready = RunAsServer("pg_isready", "-q", "-h", "127.0.0.1", "-p", $"{_port}");
            ready.WaitForExit();
            if (ready.ExitCode == 0)
                return;
            if (waited.Elapsed > TimeSpan.FromSeconds(60))
                throw new InvalidOperationException("The PostgreSQL server did not start.");
            Thread.Sleep(100);
        }
    }

    /// <summary>Stops the server at once, as a crash would.</summary>
    public void Stop()
    {
        using (Process stop = RunAsServer("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop"))
            stop.WaitForExit();
        _process?.WaitForExit(10_000);
        _process?.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(_folder, recursive: true);
    }

    private static string? Binaries =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory
                .GetDirectories("/usr/lib/postgresql")
                .OrderDescending(StringComparer.Ordinal)
                .Select(version => Path.Combine(version, "bin"))
                .FirstOrDefault(bin => File.Exists(Path.Combine(bin, "postgres")))
            : Environment
                .GetEnvironmentVariable("PATH")
                ?.Split(Path.PathSeparator)
                .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")));

    // A server refuses to run as root.
    private static Process RunAsServer(string program, params string[] arguments)
    {
        string path = Path.Combine(Binaries!, program);
        return Environment.IsPrivilegedProcess
            ? Launch("runuser", ["-u", "postgres", "--", path, .. arguments])
            : Launch(path, arguments);
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Launch(program, arguments);
        process.WaitForExit();
    }

    private static Process Launch(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
