using System.Globalization;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// The HTML report of a training that goes on: the file is written again and again, whole each time, and a browser that shows it
/// reads it again by itself. When the training has ended, <see cref="InfomorphicReport.Write"/> to the same path leaves the
/// report of the model.
/// </summary>
/// <example>
/// <code>
/// options.CheckpointReached = new LiveReport("report.html", validation).Write;
/// var transformer = mlContext.MulticlassClassification.Trainers.Infomorphic(options).Fit(train);
/// InfomorphicReport.Write(transformer.Model, validation, "report.html");
/// </code>
/// </example>
public sealed class LiveReport
{
    private readonly string _path;
    private readonly IDataView _data;
    private readonly ReportOptions _options;
    private readonly Pace _pace;

    /// <summary>A report on a training that is to begin.</summary>
    /// <param name="path">The HTML file; one that exists is replaced.</param>
    /// <param name="data">Labelled data, its features prepared as in training, on which the network is looked at.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <param name="interval">
    /// The time from one report to the next, at least, from a second on; null for 10 seconds. Where a report takes long, it
    /// is written less often: in a tenth of the time at most.
    /// </param>
    /// <exception cref="ArgumentNullException">There is no path or no data.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The interval is shorter than a second or longer than a day.</exception>
    public LiveReport(string path, IDataView data, ReportOptions? options = null, TimeSpan? interval = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(data);
        _path = path;
        _data = data;
        _options = options ?? new ReportOptions();
        _pace = Pace.Of(interval);
    }

    /// <summary>
    /// Writes the report, unless it was written a short time ago; for
    /// <see cref="InfomorphicTrainer.Options.CheckpointReached"/>.
    /// </summary>
    /// <param name="checkpoint">The checkpoint of the training.</param>
    /// <exception cref="ArgumentNullException">There is no checkpoint.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(TrainingCheckpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        _pace.Do(() =>
            InfomorphicReport.Write(
                checkpoint.Model,
                _data,
                _path,
                _options with
                {
                    Title = string.Create(
                        CultureInfo.InvariantCulture,
                        $"{_options.Title}: epoch {checkpoint.Epoch.Epoch} of {checkpoint.Epochs}"
                    ),
                    RefreshSeconds = _pace.Seconds,
                }
            )
        );
    }
}
