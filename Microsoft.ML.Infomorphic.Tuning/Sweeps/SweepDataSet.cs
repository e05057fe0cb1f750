using static Microsoft.ML.DataOperationsCatalog;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// One of several data sets that a sweep searches on at once. Columns have the names of the sweep's trainer; numbers of features and
/// classes are the set's own.
/// </summary>
public sealed class SweepDataSet
{
    /// <summary>Describes a data set.</summary>
    /// <param name="name">Its name, by which a study knows it: whoever resumes the study must give sets of the same names.</param>
    /// <param name="trainData">What is trained on.</param>
    /// <param name="validationData">What is measured on, with the same columns.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public SweepDataSet(string name, IDataView trainData, IDataView validationData)
        : this(name, [(trainData, validationData)])
    {
        ArgumentNullException.ThrowIfNull(trainData);
        ArgumentNullException.ThrowIfNull(validationData);
    }

    /// <summary>Describes a data set of several folds.</summary>
    /// <param name="name">Its name, by which a study knows it: whoever resumes the study must give sets of the same names.</param>
    /// <param name="folds">The folds, at least one, such as those of <see cref="DataOperationsCatalog.CrossValidationSplit"/>.</param>
    /// <exception cref="ArgumentException">The name is empty, or there is no fold.</exception>
    public SweepDataSet(string name, params IReadOnlyList<TrainTestData> folds)
        : this(name, SplitsOf(folds)) { }

    internal SweepDataSet(string name, (IDataView Train, IDataView Validation)[] splits)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (splits.Length == 0)
            throw new ArgumentException(
                $"The data set {name} has no fold: give it what to train and what to measure on.",
                nameof(splits)
            );
        Name = name;
        Splits = splits;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What is trained and what is measured on, by fold.</summary>
    internal IReadOnlyList<(IDataView Train, IDataView Validation)> Splits { get; }

    internal static (IDataView Train, IDataView Validation)[] SplitsOf(IReadOnlyList<TrainTestData> folds)
    {
        ArgumentNullException.ThrowIfNull(folds);
        return [.. folds.Select(fold => (fold.TrainSet, fold.TestSet))];
    }
}
