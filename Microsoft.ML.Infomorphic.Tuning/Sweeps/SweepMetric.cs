using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// What a sweep optimises: a number of ML.NET's metrics of several classes, of two, or of both, and whether more of it is better.
/// </summary>
public sealed record SweepMetric
{
    private SweepMetric(
        string name,
        OptimizationDirection direction,
        Func<MulticlassClassificationMetrics, double>? value,
        Func<CalibratedBinaryClassificationMetrics, double>? binaryValue,
        Func<EpochRecord, double?> afterEpoch
    )
    {
        Name = name;
        Direction = direction;
        Value = value;
        BinaryValue = binaryValue;
        AfterEpoch = afterEpoch;
    }

    /// <summary>The share of rows that are classified rightly; maximised.</summary>
    public static SweepMetric MicroAccuracy { get; } =
        new(
            nameof(MicroAccuracy),
            OptimizationDirection.Maximize,
            metrics => metrics.MicroAccuracy,
            metrics => metrics.Accuracy,
            epoch => epoch.ValidationAccuracy
        );

    /// <summary>The mean of the classes' shares of rows that are classified rightly; maximised. Epochs are compared by all rows' share.</summary>
    public static SweepMetric MacroAccuracy { get; } =
        new(
            nameof(MacroAccuracy),
            OptimizationDirection.Maximize,
            metrics => metrics.MacroAccuracy,
            metrics => (metrics.PositiveRecall + metrics.NegativeRecall) / 2,
            epoch => epoch.ValidationAccuracy
        );

    /// <summary>The mean of −ln p(label), in nats; minimised.</summary>
    public static SweepMetric LogLoss { get; } =
        new(
            nameof(LogLoss),
            OptimizationDirection.Minimize,
            metrics => metrics.LogLoss,
            metrics => metrics.LogLoss * Math.Log(2), // ML.NET gives bits
            epoch => epoch.ValidationLogLoss
        );

    /// <summary>
    /// The share by which the log-loss is lower than that of the classes' frequencies; maximised. Epochs are compared by the
    /// log-loss's negative.
    /// </summary>
    public static SweepMetric LogLossReduction { get; } =
        new(
            nameof(LogLossReduction),
            OptimizationDirection.Maximize,
            metrics => metrics.LogLossReduction,
            metrics => metrics.LogLossReduction,
            epoch => -epoch.ValidationLogLoss
        );

    /// <summary>
    /// The area under the curve of true positives over false positives, of two classes; maximised. Epochs are compared by the
    /// log-loss's negative.
    /// </summary>
    public static SweepMetric AreaUnderRocCurve { get; } =
        new(
            nameof(AreaUnderRocCurve),
            OptimizationDirection.Maximize,
            value: null,
            metrics => metrics.AreaUnderRocCurve,
            epoch => -epoch.ValidationLogLoss
        );

    /// <summary>
    /// The area under the curve of precision over recall, of two classes; maximised. Epochs are compared by the log-loss's
    /// negative.
    /// </summary>
    public static SweepMetric AreaUnderPrecisionRecallCurve { get; } =
        new(
            nameof(AreaUnderPrecisionRecallCurve),
            OptimizationDirection.Maximize,
            value: null,
            metrics => metrics.AreaUnderPrecisionRecallCurve,
            epoch => -epoch.ValidationLogLoss
        );

    /// <summary>The harmonic mean of precision and recall, of two classes; maximised. Epochs are compared by accuracy.</summary>
    public static SweepMetric F1Score { get; } =
        new(
            nameof(F1Score),
            OptimizationDirection.Maximize,
            value: null,
            metrics => metrics.F1Score,
            epoch => epoch.ValidationAccuracy
        );

    /// <summary>The metric's name, in ML.NET's metrics of several classes where these have it.</summary>
    public string Name { get; }

    /// <summary>Whether more of it is better.</summary>
    public OptimizationDirection Direction { get; }

    /// <summary>Takes the metric from ML.NET's of several classes; null where it is one of two classes alone.</summary>
    public Func<MulticlassClassificationMetrics, double>? Value { get; }

    /// <summary>Takes the metric from ML.NET's of two classes; null where it is one of several classes alone.</summary>
    public Func<CalibratedBinaryClassificationMetrics, double>? BinaryValue { get; }

    /// <summary>What stands for the metric after an epoch, better in the same direction; null where there are no validation rows.</summary>
    public Func<EpochRecord, double?> AfterEpoch { get; }

    /// <summary>
    /// Whether a tuner can learn from what stands for the metric after an epoch as if the trained model had it: not where the
    /// metric is another one, nor where the trained model's scores are not those of an epoch, calibrated and of mean outputs, nor
    /// where layers are trained one after another, so that the network of earlier epochs has fewer of them.
    /// </summary>
    /// <param name="options">The trainer's options.</param>
    /// <returns>Whether it can.</returns>
    public bool IsMeasuredAfterEpochs(InfomorphicTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Scoring == ScoringMode.MeanField
            && options.LayerOrder == LayerOrder.Together
            && options.CalibrateScores
            && (this == MicroAccuracy || this == LogLoss);
    }

    /// <summary>Any number of ML.NET's multiclass metrics, such as the accuracy of the best 3 classes, <c>metrics => metrics.TopKAccuracyForAllK[2]</c>, or a class's recall.</summary>
    /// <param name="name">The metric's name.</param>
    /// <param name="direction">Whether more of it is better.</param>
    /// <param name="value">Takes it from the metrics.</param>
    /// <returns>The metric. Epochs are compared by accuracy.</returns>
    public static SweepMetric Create(
        string name,
        OptimizationDirection direction,
        Func<MulticlassClassificationMetrics, double> value
    )
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(value);
        return new SweepMetric(name, direction, value, binaryValue: null, ByAccuracy(direction));
    }

    /// <summary>Any number of ML.NET's binary metrics, such as the recall of true, <c>metrics => metrics.PositiveRecall</c>.</summary>
    /// <param name="name">The metric's name.</param>
    /// <param name="direction">Whether more of it is better.</param>
    /// <param name="value">Takes it from the metrics.</param>
    /// <returns>The metric. Epochs are compared by accuracy.</returns>
    public static SweepMetric CreateBinary(
        string name,
        OptimizationDirection direction,
        Func<CalibratedBinaryClassificationMetrics, double> value
    )
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(value);
        return new SweepMetric(name, direction, value: null, value, ByAccuracy(direction));
    }

    private static Func<EpochRecord, double?> ByAccuracy(OptimizationDirection direction) =>
        epoch => direction == OptimizationDirection.Maximize ? epoch.ValidationAccuracy : -epoch.ValidationAccuracy;
}
