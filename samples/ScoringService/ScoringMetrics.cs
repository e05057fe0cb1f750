using System.Diagnostics.Metrics;

namespace ScoringService;

/// <summary>What the service counts of its own; requests are counted by ASP.NET Core.</summary>
internal sealed class ScoringMetrics
{
    public const string MeterName = "Infomorphic.ScoringService";

    private readonly Counter<long> _rows;
    private readonly Counter<long> _badRows;
    private readonly Counter<long> _reloads;
    private readonly Histogram<double> _duration;
    private int _models;

    public ScoringMetrics(IMeterFactory meters)
    {
        Meter meter = meters.Create(MeterName);
        _rows = meter.CreateCounter<long>("scoring.rows", "{row}", "Rows scored.");
        _badRows = meter.CreateCounter<long>("scoring.bad_rows", "{row}", "Rows that the model could not take.");
        _reloads = meter.CreateCounter<long>("scoring.model.loads", "{load}", "Attempts to load a model file.");
        _duration = meter.CreateHistogram<double>(
            "scoring.block.duration",
            "s",
            "Time that a block of rows took in the model.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
            }
        );
        meter.CreateObservableUpDownCounter(
            "scoring.models",
            () => Volatile.Read(ref _models),
            "{model}",
            "Models in memory: the current one, and earlier ones that requests still use."
        );
    }

    public void Scored(int rows, TimeSpan duration)
    {
        _rows.Add(rows);
        _duration.Record(duration.TotalSeconds);
    }

    public void RowRefused() => _badRows.Add(1);

    public void ModelLoaded() => Interlocked.Increment(ref _models);

    public void ModelReleased() => Interlocked.Decrement(ref _models);

    public void Reloaded(bool succeeded) =>
        _reloads.Add(1, new KeyValuePair<string, object?>("result", succeeded ? "loaded" : "failed"));
}
