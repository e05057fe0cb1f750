using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML;

/// <summary>Adds to ML.NET's catalogs which features matter to an infomorphic network, and why a row has its scores.</summary>
public static class InfomorphicFeatureCatalog
{
    internal const string DefaultContributionColumn = "FeatureContributions";
    internal const string DefaultBaseColumn = "ContributionBase";

    /// <summary>
    /// Ranks the features of a trained infomorphic network on labelled data, without training: as
    /// <see cref="InfomorphicModelParameters.RankFeatures"/>, with the transformer's feature column.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="transformer">The trained transformer.</param>
    /// <param name="data">Labelled data that was not trained on, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: a key with the model's classes.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to rank; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the ranking.</param>
    /// <returns>The features, the most informative first.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or does not fit the model, keys of the label column stand for other classes than in training, or a
    /// setting is out of its range.
    /// </exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows are valid.</exception>
    public static FeatureRanking RankInfomorphicFeatures(
        this MulticlassClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        IDataView data,
        string labelColumnName = "Label",
        string? exampleWeightColumnName = null,
        FeatureRankingSettings? settings = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(data);
        InfomorphicPredictionTransformer trained = InfomorphicPredictionTransformer.Of(transformer);
        InsightReader.CheckClasses(
            trained.Model.Environment,
            data,
            labelColumnName,
            trained.GetOutputSchema(trained.TrainSchema)[DefaultColumnNames.Score]
        );
        return transformer.Model.RankFeatures(
            data,
            labelColumnName,
            transformer.FeatureColumnName,
            exampleWeightColumnName,
            settings,
            cancellationToken
        );
    }

    /// <summary>
    /// Says of each row what its features contribute to its scores, as columns. Append it to the model that is saved:
    /// <code>
    /// var explained = model.Append(model.LastTransformer.Contributions());
    /// </code>
    /// To train and explain within one pipeline, use <see cref="InfomorphicContributions"/>.
    /// </summary>
    /// <param name="transformer">The trained transformer; it stays as it is.</param>
    /// <param name="classes">Of which classes contributions are given: of the predicted one of each row, or of all.</param>
    /// <param name="contributionColumnName">The name of the column of contributions, in nats, a vector of <see cref="float"/>.</param>
    /// <param name="baseColumnName">The name of the column of the base: the log-odds from which contributions count, in nats.</param>
    /// <returns>A transformer that reads the same feature column.</returns>
    /// <exception cref="ArgumentNullException">There is no transformer or no name.</exception>
    /// <exception cref="ArgumentException">A name is empty, or the transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no such classes.</exception>
    /// <exception cref="InvalidOperationException">
    /// Scores jump: the model is not scored by mean outputs, or has neurons that fire by a step.
    /// </exception>
    public static InfomorphicContributionTransformer Contributions(
        this ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        ContributionClasses classes = ContributionClasses.Predicted,
        string contributionColumnName = DefaultContributionColumn,
        string baseColumnName = DefaultBaseColumn
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        Check(classes, contributionColumnName, baseColumnName);
        InfomorphicPredictionTransformer trained = InfomorphicPredictionTransformer.Of(transformer);
        InfomorphicModelParameters model = transformer.Model;
        return new InfomorphicContributionTransformer(
            model.Environment,
            model,
            ClassNames.Of(
                trained.GetOutputSchema(trained.TrainSchema)[DefaultColumnNames.Score],
                AnnotationUtils.Kinds.TrainingLabelValues
            ) ?? [.. Enumerable.Range(0, model.Network.ClassCount).Select(ClassNames.Text)],
            classes,
            transformer.FeatureColumnName,
            contributionColumnName,
            baseColumnName
        );
    }

    /// <summary>
    /// Creates an estimator that trains an infomorphic network which scores rows and says what their features contribute, in one
    /// pipeline that is saved and loaded as any other.
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="trainer">The trainer of the network.</param>
    /// <param name="classes">Of which classes contributions are given: of the predicted one of each row, or of all.</param>
    /// <param name="contributionColumnName">The name of the column of contributions, in nats, a vector of <see cref="float"/>.</param>
    /// <param name="baseColumnName">The name of the column of the base: the log-odds from which contributions count, in nats.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no such classes.</exception>
    public static InfomorphicContributionEstimator InfomorphicContributions(
        this TransformsCatalog catalog,
        InfomorphicTrainer trainer,
        ContributionClasses classes = ContributionClasses.Predicted,
        string contributionColumnName = DefaultContributionColumn,
        string baseColumnName = DefaultBaseColumn
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(trainer);
        Check(classes, contributionColumnName, baseColumnName);
        return new InfomorphicContributionEstimator(
            trainer,
            trainer.FeatureColumn.Name,
            classes,
            contributionColumnName,
            baseColumnName
        );
    }

    private static void Check(ContributionClasses classes, string contributionColumn, string baseColumn)
    {
        CheckNames(contributionColumn, baseColumn);
        if (!Enum.IsDefined(classes))
            throw new ArgumentOutOfRangeException(nameof(classes), classes, $"There are no classes {(int)classes}.");
        if (classes == ContributionClasses.True)
            throw new ArgumentOutOfRangeException(
                nameof(classes),
                classes,
                "A multiclass model has no class true: ask for the contributions to the predicted class of each row, or to all."
            );
    }

    internal static void CheckNames(string contributionColumn, string baseColumn)
    {
        ArgumentException.ThrowIfNullOrEmpty(contributionColumn);
        ArgumentException.ThrowIfNullOrEmpty(baseColumn);
    }
}
