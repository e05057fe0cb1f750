using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;
using Microsoft.ML.Transforms;

namespace Tabular;

/// <summary>What is compared: each with its defaults, and with as many threads as the others.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Fit">Trains on rows with Features and Label, with a number of threads.</param>
internal sealed record Contestant(string Name, Func<MLContext, IDataView, int, ITransformer> Fit)
{
    public const string Infomorphic = "infomorphic";
    public const string LightGbm = "lightgbm";
    public const string Linear = "linear";
    public const string Majority = "majority";
    public const string Sdca = "sdca";

    public static readonly Contestant[] All =
    [
        new(
            Infomorphic,
            (ml, train, threads) =>
                ml
                    .MulticlassClassification.Trainers.Infomorphic(
                        new InfomorphicTrainer.Options { NumberOfThreads = threads }
                    )
                    .Fit(train)
        ),
        new(
            "infomorphic8",
            (ml, train, threads) =>
                ml
                    .MulticlassClassification.Trainers.Infomorphic(
                        new InfomorphicTrainer.Options { NumberOfNetworks = 8, NumberOfThreads = threads }
                    )
                    .Fit(train)
        ),
        new(
            LightGbm,
            (ml, train, threads) =>
                ml
                    .MulticlassClassification.Trainers.LightGbm(
                        new LightGbmMulticlassTrainer.Options { NumberOfThreads = threads }
                    )
                    .Fit(train)
        ),
        new(
            "fasttree", // A binary trainer: one model for each class.
            (ml, train, threads) =>
                ml
                    .MulticlassClassification.Trainers.OneVersusAll(
                        ml.BinaryClassification.Trainers.FastTree(
                            new FastTreeBinaryTrainer.Options { NumberOfThreads = threads }
                        )
                    )
                    .Fit(train)
        ),
        new(
            Linear,
            (ml, train, threads) =>
                Standardise(ml, train)
                    .Append(
                        ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(
                            new LbfgsMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = threads }
                        )
                    )
                    .Fit(train)
        ),
        new(
            Sdca,
            (ml, train, threads) =>
                Standardise(ml, train)
                    .Append(
                        ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(
                            new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = threads }
                        )
                    )
                    .Fit(train)
        ),
        new(Majority, (ml, train, _) => FitMajority(ml, train)),
    ];

    /// <summary>The contestants with these names, separated by commas; null for all but SDCA.</summary>
    /// <exception cref="ArgumentException">There is no such contestant.</exception>
    public static Contestant[] Named(string? names) =>
        names is null
            ? [.. All.Where(contestant => contestant.Name != Sdca)]
            :
            [
                .. names
                    .Split(',', StringSplitOptions.TrimEntries)
                    .Select(name =>
                        Array.Find(All, one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                        ?? throw new ArgumentException(
                            $"There is no trainer \"{name}\"; there are {string.Join(", ", All.Select(one => one.Name))}."
                        )
                    ),
            ];

    // To mean 0 and variance 1; but where most of very many features are zeros, as with text, these stay zeros.
    private static NormalizingEstimator Standardise(MLContext mlContext, IDataView train) =>
        mlContext.Transforms.NormalizeMeanVariance(
            "Features",
            fixZero: ((VectorDataViewType)train.Schema["Features"].Type).Size > 10_000
        );

    // Gives every row the frequencies of the classes in training.
    private static ITransformer FitMajority(MLContext mlContext, IDataView train)
    {
        ILookup<uint, uint> labels = train.GetColumn<uint>("Label").ToLookup(label => label);
        int rows = labels.Sum(label => label.Count());
        int classes = (int)((KeyDataViewType)train.Schema["Label"].Type).Count;
        float[] shares = [.. Enumerable.Range(1, classes).Select(label => labels[(uint)label].Count() / (float)rows)];
        return mlContext
            .Transforms.CustomMapping<Nothing, Scores>((_, scores) => scores.Score = shares, null)
            .Fit(train);
    }

    private sealed class Nothing;

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
