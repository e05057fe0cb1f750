namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>How good the scores of a model are on labelled rows. Shares and rates are those of the rows' weights.</summary>
/// <param name="RowCount">Number of rows that have scores.</param>
/// <param name="ClassNames">The names of the classes.</param>
/// <param name="ClassWeights">For each class, the weight of its rows: their number, where rows are not weighed.</param>
/// <param name="Accuracy">The share of rows whose class is predicted, from 0 to 1.</param>
/// <param name="MacroAccuracy">The mean over the classes that have rows of the share of their rows whose class is predicted.</param>
/// <param name="LogLoss">The mean of −ln of the probability of the right class, in nats.</param>
/// <param name="ClassEntropy">The same of whoever knows the classes' shares alone, in nats.</param>
/// <param name="Confusion">By true class, then by predicted class: the weight of rows.</param>
/// <param name="RocCurves">For each class, how it is told from the others; of two classes that of the second one alone.</param>
/// <param name="CalibrationCurve">
/// How often what is predicted is so, by its probability: of two classes the second one, of more the predicted one. Ten bins of the same
/// width, without those that are empty.
/// </param>
/// <param name="CalibrationError">The mean difference between the two, from 0 to 1 (expected calibration error).</param>
/// <param name="Examples">A few rows: the surest ones that are predicted rightly and wrongly, and the one of most doubt.</param>
public sealed record ModelQuality(
    int RowCount,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<double> ClassWeights,
    double Accuracy,
    double MacroAccuracy,
    double LogLoss,
    double ClassEntropy,
    IReadOnlyList<IReadOnlyList<double>> Confusion,
    IReadOnlyList<RocCurve> RocCurves,
    IReadOnlyList<CalibrationBin> CalibrationCurve,
    double CalibrationError,
    IReadOnlyList<ScoredExample> Examples
);

/// <summary>How a class is told from all others, for every threshold of its probability.</summary>
/// <param name="Class">The class, from 0.</param>
/// <param name="Area">
/// The area under the curve: the probability that a row of the class has a larger score than one of the others. NaN where either has
/// no rows.
/// </param>
/// <param name="FalsePositiveRates">The share of the others' rows above each threshold, ascending from 0 to 1.</param>
/// <param name="TruePositiveRates">The share of the class's rows above it.</param>
public sealed record RocCurve(
    int Class,
    double Area,
    IReadOnlyList<double> FalsePositiveRates,
    IReadOnlyList<double> TruePositiveRates
);

/// <summary>Rows with about the same probability.</summary>
/// <param name="Probability">Their mean probability.</param>
/// <param name="Frequency">The share of them for which it is so.</param>
/// <param name="Weight">Their weight.</param>
public sealed record CalibrationBin(double Probability, double Frequency, double Weight);

/// <summary>A row with its class.</summary>
/// <param name="Row">Its place in the data, from 0.</param>
/// <param name="Label">Its class, from 0.</param>
/// <param name="Predicted">The predicted class, from 0.</param>
/// <param name="Probability">The probability of the predicted class.</param>
public sealed record ScoredExample(long Row, int Label, int Predicted, double Probability);
