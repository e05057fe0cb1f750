using System.Globalization;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>An amount of information that is estimated from rows.</summary>
/// <param name="Bits">The estimate, in bits.</param>
/// <param name="Margin">Half the width of the interval around it, in bits; NaN where there are too few rows for one.</param>
public readonly record struct InformationEstimate(double Bits, double Margin)
{
    /// <summary>The lower end of the interval, in bits.</summary>
    public double Low => Bits - Margin;

    /// <summary>The upper end of the interval, in bits.</summary>
    public double High => Bits + Margin;
}

/// <summary>What the network learns of the class from a feature, or from several that belong together.</summary>
/// <param name="Name">The feature's name: that of its slot, of the column that its slots encode, or its place, from 0.</param>
/// <param name="Slots">The places of the features that are looked at together, from 0.</param>
/// <param name="Information">
/// The information about the class that the scores lose without the feature: how much more surprising classes are, in bits a
/// row, where other rows' values stand for its own.
/// </param>
/// <param name="AccuracyLoss">
/// The permutation importance: by how much the share of rows that are classified rightly falls there, 0.01 for a point.
/// </param>
/// <param name="ByClass">The information over the rows of each class alone; NaN for a class without rows.</param>
/// <param name="ByLayer">
/// The same where the values are replaced in what one layer alone hears of the features, layer by layer, in the order of
/// <see cref="FeatureRanking.LayerNames"/>.
/// </param>
/// <param name="ByNeuron">
/// For each hidden layer and neuron, what I(Y : class), the information of its own output about the class, loses without the
/// feature, in bits. Empty where it was not asked for.
/// </param>
public sealed record FeatureInformation(
    string Name,
    IReadOnlyList<int> Slots,
    InformationEstimate Information,
    double AccuracyLoss,
    IReadOnlyList<InformationEstimate> ByClass,
    IReadOnlyList<InformationEstimate> ByLayer,
    IReadOnlyList<IReadOnlyList<double>> ByNeuron
);

/// <summary>How features are ranked.</summary>
public sealed record FeatureRankingSettings
{
    /// <summary>Which of the model's networks is looked into neuron by neuron, from 0; scores are those of all.</summary>
    public int Network { get; init; }

    /// <summary>How many other rows lend each row their values, at least 1.</summary>
    public int Repeats { get; init; } = 5;

    /// <summary>Rows that are looked at: of more, so many are drawn; at least 2.</summary>
    public int MaximumRows { get; init; } = 5000;

    /// <summary>
    /// The probability with which the intervals of all features hold together, more than 0 and less than 1: where 100 features
    /// say nothing, the intervals of all 100 contain 0 with this probability.
    /// </summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>
    /// Whether every slot is a feature of its own; else the slots into which ML.NET encodes one category are looked at together.
    /// </summary>
    public bool EverySlot { get; init; }

    /// <summary>Whether neurons are looked at one by one; that takes features × neurons × classes numbers.</summary>
    public bool Neurons { get; init; } = true;

    /// <summary>Which rows are drawn, and which rows lend values to which, follows from this number.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads to use, at most 1,024; null for as many as the machine has processors. The result does not depend on it.</summary>
    public int? Threads { get; init; }

    internal void Validate(int networks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Repeats, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumRows, 2);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Confidence, 0); // NaN is less than all
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Confidence, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Network);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Network, networks);
        new InsightSettings { Threads = Threads }.Validate();
    }
}

/// <summary>The features of a model by what the model learns of the class from them.</summary>
/// <param name="Features">The features, the most informative first.</param>
/// <param name="ClassNames">The classes' names.</param>
/// <param name="LayerNames">The layers that hear the features.</param>
/// <param name="HiddenLayerNames">The hidden layers, whose neurons are looked at.</param>
/// <param name="CrossEntropy">How surprising classes are given the scores, in bits a row: their mean −log₂ score.</param>
/// <param name="ClassEntropy">How surprising they are given their shares alone, in bits a row: their entropy.</param>
/// <param name="RowCount">Number of rows that were looked at.</param>
/// <param name="Settings">How they were looked at.</param>
public sealed record FeatureRanking(
    IReadOnlyList<FeatureInformation> Features,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<string> LayerNames,
    IReadOnlyList<string> HiddenLayerNames,
    double CrossEntropy,
    double ClassEntropy,
    int RowCount,
    FeatureRankingSettings Settings
)
{
    /// <summary>What is reported of a feature, in words.</summary>
    public string Method =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Information about the class that scores lose without a feature, in bits a row: the rise of the mean −log₂ score of the right class where each of {RowCount} rows takes the feature's values of {Settings.Repeats} others, in all that the network reads of it. The intervals of all features hold together with a probability of {100 * Settings.Confidence:0.##} %."
        );
}
