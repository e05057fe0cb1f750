using Microsoft.Extensions.Options;
using SampleSupport;

namespace ScoringService;

/// <summary>
/// Holds the model that new requests get, and follows the file: a new content is loaded completely, then takes the old
/// one's place. A file that does not load leaves the old model where it is.
/// </summary>
internal sealed partial class ModelHost(
    IOptions<ServiceOptions> options,
    ScoringMetrics metrics,
    ILogger<ModelHost> logger
) : BackgroundService
{
    private readonly string _path = Path.GetFullPath(options.Value.Model);
    private readonly Lock _lock = new();
    private SharedModel? _current;
    private string? _failure = "The model is not loaded yet.";
    private string? _failedVersion;

    // What the file looked like when it was last read.
    private (long Length, DateTime Written)? _stamp;

    /// <summary>The current model; the caller disposes of the lease when its request ends. Null if there is none.</summary>
    public ModelLease? Acquire()
    {
        lock (_lock)
            return _current?.Acquire();
    }

    /// <summary>The version of the current model, and why the file's content is not the current model, if so.</summary>
    public (string? Version, string? Failure) Status
    {
        get
        {
            lock (_lock)
                return (_current?.Model.Version, _failure);
        }
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the first request is taken.
        await CheckAsync(force: true, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The file system's reports are quick, but are not made for every kind of mount; looking is slow and certain.
        using var reported = new SemaphoreSlim(0);
        using FileSystemWatcher? watcher = Watch(() => reported.Release());
        while (!stoppingToken.IsCancellationRequested)
        {
            bool force = await reported.WaitAsync(TimeSpan.FromSeconds(options.Value.PollSeconds), stoppingToken);
            // A file is reported many times while it is written.
            while (await reported.WaitAsync(TimeSpan.FromMilliseconds(20), stoppingToken)) { }
            await CheckAsync(force, stoppingToken);
        }
    }

    public override void Dispose()
    {
        lock (_lock)
        {
            _current?.Release();
            _current = null;
        }
        base.Dispose();
    }

    private FileSystemWatcher? Watch(Action report)
    {
        try
        {
            var watcher = new FileSystemWatcher(Path.GetDirectoryName(_path)!, Path.GetFileName(_path));
            watcher.Changed += (_, _) => report();
            watcher.Created += (_, _) => report();
            watcher.Renamed += (_, _) => report();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or PlatformNotSupportedException)
        {
            LogNotWatched(_path, e.Message);
            return null;
        }
    }

    private async Task CheckAsync(bool force, CancellationToken cancellation)
    {
        try
        {
            byte[] content;
            // Of the opened file, not of the path: behind it may be a link that is moved to another file.
            await using (
                FileStream file = new(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
            )
            {
                (long, DateTime) stamp = (file.Length, File.GetLastWriteTimeUtc(file.SafeFileHandle));
                if (!force && stamp == _stamp)
                    return;
                content = new byte[file.Length];
                await file.ReadExactlyAsync(content, cancellation);
                _stamp = stamp;
            }

            string version = ScoringModel.VersionOf(content);
            if (version == _current?.Model.Version)
                Fail(null);
            else if (version != _failedVersion)
                Replace(content, version);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _stamp = null;
            // The reason names the file's path, which is the log's and not the requests' to know.
            Fail(
                e is FileNotFoundException or DirectoryNotFoundException
                    ? "The model file is not there."
                    : "The model file cannot be read.",
                e.Message
            );
        }
    }

    private void Replace(byte[] content, string version)
    {
        SharedModel next;
        try
        {
            next = new SharedModel(ScoringModel.Load(content), metrics);
        }
        catch (InvalidDataException e)
        {
            _failedVersion = version;
            Fail($"The model file cannot be used: {e.Message}");
            return;
        }

        SharedModel? old;
        lock (_lock)
        {
            old = _current;
            _current = next;
            _failure = null;
        }
        _failedVersion = null;
        old?.Release();
        NativeHeap.Trim();
        metrics.Reloaded(succeeded: true);
        LogLoaded(version, _path);
    }

    private void Fail(string? failure, string? reason = null)
    {
        lock (_lock)
        {
            if (failure == _failure)
                return;
            _failure = failure;
        }
        if (failure is null)
            return;
        metrics.Reloaded(succeeded: false);
        LogFailed(reason is null ? failure : $"{failure} {reason}");
    }

    [LoggerMessage(LogLevel.Information, "Model {Version} is loaded from {Path}")]
    private partial void LogLoaded(string version, string path);

    [LoggerMessage(LogLevel.Error, "{Failure}")]
    private partial void LogFailed(string failure);

    [LoggerMessage(LogLevel.Warning, "{Path} is looked at, but not watched: {Reason}")]
    private partial void LogNotWatched(string path, string reason);
}
