using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;

namespace Tabular;

/// <summary>How well a table's classes were predicted.</summary>
/// <param name="Accuracy">Share of rows predicted rightly, 0 to 1.</param>
/// <param name="LogLoss">Mean −ln p(true class), in nats.</param>
internal readonly record struct Result(double Accuracy, double LogLoss);

/// <summary>What is compared: each trains on some rows and is judged by others.</summary>
internal static class Contestants
{
    public const string Infomorphic = "Infomorphic, defaults";
    public const string Majority = "majority class";

    public static readonly (string Name, Func<MLContext, IDataView, IDataView, Result> Judge)[] All =
    [
        (Infomorphic, (ml, train, test) => Judge(ml, ml.MulticlassClassification.Trainers.Infomorphic(), train, test)),
        (
            "LbfgsMaximumEntropy, NormalizeMeanVariance",
            (ml, train, test) =>
                Judge(
                    ml,
                    ml.Transforms.NormalizeMeanVariance("Features")
                        .Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy()),
                    train,
                    test
                )
        ),
        (
            "LbfgsMaximumEntropy, NormalizeMinMax",
            (ml, train, test) =>
                Judge(
                    ml,
                    ml.Transforms.NormalizeMinMax("Features")
                        .Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy()),
                    train,
                    test
                )
        ),
        (
            "LbfgsMaximumEntropy, as it comes",
            (ml, train, test) => Judge(ml, ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(), train, test)
        ),
        (Majority, (_, train, test) => JudgeMajority(train, test)),
    ];

    private static Result Judge<T>(MLContext mlContext, IEstimator<T> estimator, IDataView train, IDataView test)
        where T : class, ITransformer
    {
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(
            estimator.Fit(train).Transform(test)
        );
        return new Result(metrics.MicroAccuracy, metrics.LogLoss);
    }

    // Predicts the training rows' commonest class, with the training rows' frequencies as probabilities.
    private static Result JudgeMajority(IDataView train, IDataView test)
    {
        uint[] labels = [.. train.GetColumn<uint>("Label")];
        Dictionary<uint, double> shares = labels
            .GroupBy(label => label)
            .ToDictionary(group => group.Key, group => group.Count() / (double)labels.Length);
        uint commonest = shares.MaxBy(share => share.Value).Key;

        uint[] truth = [.. test.GetColumn<uint>("Label")];
        return new Result(
            truth.Count(label => label == commonest) / (double)truth.Length,
            truth.Average(label => -Math.Log(Math.Max(shares.GetValueOrDefault(label), 1e-15)))
        );
    }
}
