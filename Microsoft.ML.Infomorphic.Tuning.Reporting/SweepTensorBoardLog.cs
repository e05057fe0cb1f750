using System.Globalization;
using Microsoft.ML.Infomorphic.Reporting;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>
/// Writes a sweep into event files of TensorBoard while it runs: for each trial of this process a run with the objective after
/// every epoch, and for the sweep a run with the best value so far and how many trials have ended. It is managed code.
/// </summary>
/// <example>
/// <code>
/// using var log = new SweepTensorBoardLog("runs/sweep");
/// Sweep = new SweepOptions { Progress = log.Write },
/// </code>
/// </example>
public sealed class SweepTensorBoardLog : IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _folder;
    private readonly Dictionary<int, EventFile> _trials = [];
    private readonly EventFile _sweep;

    /// <summary>Begins the event file of the sweep.</summary>
    /// <param name="folder">The folder that TensorBoard takes; it is made where it is missing, and what is in it stays.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be written.</exception>
    public SweepTensorBoardLog(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = folder;
        _sweep = new EventFile(Path.Combine(folder, "sweep"));
    }

    /// <summary>Writes where a sweep is; for <see cref="SweepOptions.Progress"/>.</summary>
    /// <param name="progress">Where the sweep is.</param>
    /// <exception cref="ArgumentNullException">There is no progress.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    public void Write(SweepProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        lock (_lock)
        {
            if (progress.Epoch is int epoch)
            {
                if (progress.Value is double value && double.IsFinite(value))
                    FileOf(progress.Trial).Write(epoch, [EventFile.Scalar("objective/after the epoch", value)]);
                return;
            }

            // A trial begins or ends: where it ends, its file is complete.
            if (_trials.Remove(progress.Trial, out EventFile? trial))
                trial.Dispose();
            int ended = progress.Completed + progress.Failed + progress.Pruned;
            if (progress.Best?.Value is double best)
                _sweep.Write(
                    ended,
                    [
                        EventFile.Scalar("objective/best so far", best),
                        EventFile.Scalar("trials/completed", progress.Completed),
                        EventFile.Scalar("trials/pruned", progress.Pruned),
                        EventFile.Scalar("trials/failed", progress.Failed),
                    ]
                );
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (EventFile trial in _trials.Values)
                trial.Dispose();
            _trials.Clear();
            _sweep.Dispose();
        }
    }

    private EventFile FileOf(int trial)
    {
        if (!_trials.TryGetValue(trial, out EventFile? file))
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"trial-{trial:D5}");
            _trials[trial] = file = new EventFile(Path.Combine(_folder, name));
        }
        return file;
    }
}
