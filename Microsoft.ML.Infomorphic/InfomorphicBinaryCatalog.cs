using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML;

/// <summary>Adds infomorphic networks to ML.NET's catalog of binary classification.</summary>
public static class InfomorphicBinaryCatalog
{
    /// <summary>
    /// Creates an <see cref="InfomorphicBinaryTrainer"/>, which predicts a label that is true or false with a network of neurons
    /// each of which learns for itself, from the information that its inputs share.
    /// </summary>
    /// <param name="catalog">The catalog of binary trainers.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>.</param>
    /// <param name="featureColumnName">The feature column: a vector of known size of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive example weights (<see cref="float"/>), or null.</param>
    /// <param name="numberOfHiddenNeurons">The number of hidden neurons, at least 1; null for a number that suits the data.</param>
    /// <param name="goal">
    /// The goal of the hidden neurons over feedforward input F, context C and lateral input L: in the paper's notation,
    /// such as "0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}", or the name of a published goal.
    /// </param>
    /// <param name="numberOfEpochs">The number of passes over the training rows, at least 1; null for as many as the data need.</param>
    /// <param name="batchSize">The number of rows in a training step, at least 2; null for a number that suits the data.</param>
    /// <param name="learningRate">The learning rate of the hidden neurons, positive; null for one that suits the data.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range, or the goal does not parse.</exception>
    /// <exception cref="InvalidOperationException">This library does not work with this version of ML.NET.</exception>
    public static InfomorphicBinaryTrainer Infomorphic(
        this BinaryClassificationCatalog.BinaryClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        int? numberOfHiddenNeurons = null,
        string goal = InfomorphicTrainer.Options.Defaults.Goal,
        int? numberOfEpochs = null,
        int? batchSize = null,
        double? learningRate = null
    ) =>
        Infomorphic(
            catalog,
            InfomorphicCatalog.OptionsOf(
                labelColumnName,
                featureColumnName,
                exampleWeightColumnName,
                numberOfHiddenNeurons,
                goal,
                numberOfEpochs,
                batchSize,
                learningRate
            )
        );

    /// <summary>
    /// Creates an <see cref="InfomorphicBinaryTrainer"/> with advanced options, which predicts a label that is true or false
    /// with a network of neurons each of which learns for itself, from the information that its inputs share.
    /// </summary>
    /// <param name="catalog">The catalog of binary trainers.</param>
    /// <param name="options">The options, the same as of the multiclass trainer; later changes to them have no effect on the trainer.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or a goal does not parse.</exception>
    /// <exception cref="InvalidOperationException">This library does not work with this version of ML.NET.</exception>
    public static InfomorphicBinaryTrainer Infomorphic(
        this BinaryClassificationCatalog.BinaryClassificationTrainers catalog,
        InfomorphicTrainer.Options options
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        SupportedHost.ThrowIfUnsupported();
        return InfomorphicBinaryTrainer.Create(catalog, options);
    }

    /// <summary>Scores with the same binary network in another way, without training again. The threshold stays.</summary>
    /// <inheritdoc cref="InfomorphicCatalog.WithScoring(ISingleFeaturePredictionTransformer{InfomorphicModelParameters}, ScoringMode, int, ulong, bool)"/>
    public static BinaryPredictionTransformer<InfomorphicBinaryModelParameters> WithScoring(
        this ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        ScoringMode mode,
        int numberOfSamples = InfomorphicTrainer.Options.Defaults.NumberOfScoringSamples,
        ulong seed = 0,
        bool calibrate = true
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        var settings = new ScoringSettings(mode, numberOfSamples, seed, calibrate);
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> trained = HostTransformer(transformer);
        InfomorphicBinaryModelParameters model = transformer.Model.WithScoring(settings);
        return new(
            model.Environment,
            model,
            trained.TrainSchema,
            trained.FeatureColumnName,
            trained.Threshold,
            trained.ThresholdColumn
        );
    }

    /// <summary>
    /// Gives the outputs of a layer of a trained binary network as a column, for a pipeline that goes on with them.
    /// </summary>
    /// <inheritdoc cref="InfomorphicCatalog.LayerOutputs(ISingleFeaturePredictionTransformer{InfomorphicModelParameters}, int, string)"/>
    public static InfomorphicLayerTransformer LayerOutputs(
        this ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        int layer,
        string outputColumnName = InfomorphicCatalog.DefaultLayerColumn
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        return InfomorphicCatalog.LayerOutputs(
            transformer.Model.TwoClasses,
            transformer.FeatureColumnName,
            layer,
            outputColumnName
        );
    }

    /// <summary>
    /// Explains a trained binary network on labelled data, without training: as
    /// <see cref="InfomorphicBinaryModelParameters.Explain"/>, with the transformer's feature column.
    /// </summary>
    /// <param name="catalog">The catalog of binary classification.</param>
    /// <param name="transformer">The trained transformer.</param>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to look; null for the training's batch size and otherwise the defaults.</param>
    /// <param name="cancellationToken">Cancels the explanation.</param>
    /// <returns>The explanation, with the classes "False" and "True".</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public static NetworkInsight ExplainInfomorphic(
        this BinaryClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        IDataView data,
        string labelColumnName = "Label",
        string? exampleWeightColumnName = null,
        InsightSettings? settings = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(transformer);
        return transformer.Model.Explain(
            data,
            labelColumnName,
            transformer.FeatureColumnName,
            exampleWeightColumnName,
            settings,
            cancellationToken
        );
    }

    /// <summary>
    /// Ranks the features of a trained binary network on labelled data, without training: as
    /// <see cref="InfomorphicBinaryModelParameters.RankFeatures"/>, with the transformer's feature column.
    /// </summary>
    /// <param name="catalog">The catalog of binary classification.</param>
    /// <param name="transformer">The trained transformer.</param>
    /// <param name="data">Labelled data that was not trained on, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to rank; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the ranking.</param>
    /// <returns>The features, the most informative first.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows are valid.</exception>
    public static FeatureRanking RankInfomorphicFeatures(
        this BinaryClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
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
    /// Says of each row what its features contribute to its score, the log-odds of true, as columns. Append it to the model that is
    /// saved:
    /// <code>
    /// var explained = model.Append(model.LastTransformer.Contributions());
    /// </code>
    /// To train and explain within one pipeline, use <see cref="InfomorphicContributions"/>.
    /// </summary>
    /// <remarks>The base, which is the same for every row, and the contributions add up to the score.</remarks>
    /// <param name="transformer">The trained transformer; it stays as it is.</param>
    /// <param name="contributionColumnName">The name of the column of contributions, in nats, a vector of <see cref="float"/>.</param>
    /// <param name="baseColumnName">The name of the column of the base: the log-odds from which contributions count, in nats.</param>
    /// <returns>A transformer that reads the same feature column.</returns>
    /// <exception cref="ArgumentNullException">There is no transformer or no name.</exception>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="InvalidOperationException">
    /// Scores jump: the model is not scored by mean outputs, or has neurons that fire by a step.
    /// </exception>
    public static InfomorphicContributionTransformer Contributions(
        this ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        string contributionColumnName = InfomorphicFeatureCatalog.DefaultContributionColumn,
        string baseColumnName = InfomorphicFeatureCatalog.DefaultBaseColumn
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        InfomorphicFeatureCatalog.CheckNames(contributionColumnName, baseColumnName);
        return new InfomorphicContributionTransformer(
            transformer.Model.Environment,
            transformer.Model.TwoClasses,
            [.. ClassNames.OfBoolean],
            ContributionClasses.True,
            transformer.FeatureColumnName,
            contributionColumnName,
            baseColumnName
        );
    }

    /// <summary>
    /// Creates an estimator that trains a binary infomorphic network which scores rows and says what their features contribute, in
    /// one pipeline that is saved and loaded as any other.
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="trainer">The trainer of the network.</param>
    /// <param name="contributionColumnName">The name of the column of contributions, in nats, a vector of <see cref="float"/>.</param>
    /// <param name="baseColumnName">The name of the column of the base: the log-odds from which contributions count, in nats.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public static InfomorphicContributionEstimator InfomorphicContributions(
        this TransformsCatalog catalog,
        InfomorphicBinaryTrainer trainer,
        string contributionColumnName = InfomorphicFeatureCatalog.DefaultContributionColumn,
        string baseColumnName = InfomorphicFeatureCatalog.DefaultBaseColumn
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(trainer);
        InfomorphicFeatureCatalog.CheckNames(contributionColumnName, baseColumnName);
        return new InfomorphicContributionEstimator(
            trainer,
            trainer.FeatureColumn.Name,
            ContributionClasses.True,
            contributionColumnName,
            baseColumnName
        );
    }

    /// <summary>
    /// Writes a trained binary model as an ONNX file (operator set 13, IR version 7), for ONNX Runtime and others. The file is
    /// there as a whole, or is what it was before.
    /// </summary>
    /// <remarks>
    /// Input: the feature column, <see cref="float"/>, rows × features, raw. Outputs, one a row: "Score" and "Probability",
    /// <see cref="float"/>; "PredictedLabel", <see cref="bool"/>: whether the score is above the transformer's threshold. They
    /// are those of this transformer up to rounding. A row with a feature that is not finite gets NaN, NaN and false.
    /// </remarks>
    /// <param name="transformer">
    /// The trained model. In a pipeline this is the transformer that the trainer gave: its neighbours are not exported.
    /// </param>
    /// <param name="filePath">The file; one that exists is replaced.</param>
    /// <exception cref="ArgumentNullException">There is no transformer or no file path.</exception>
    /// <exception cref="ArgumentException">The transformer is not ML.NET's.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model is scored by samples, which ONNX cannot express, or is larger than 2 GiB.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public static void SaveAsOnnx(
        this ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        string filePath
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        WholeFile.Write(
            filePath,
            temporary =>
            {
                using Stream stream = File.Create(temporary);
                SaveAsOnnx(transformer, stream);
            }
        );
    }

    /// <summary>Writes a trained binary model in ONNX's format to a stream: <see cref="SaveAsOnnx(ISingleFeaturePredictionTransformer{InfomorphicBinaryModelParameters}, string)"/>.</summary>
    /// <param name="transformer">The trained model.</param>
    /// <param name="stream">Where to; nothing is written where the model cannot be exported.</param>
    /// <exception cref="ArgumentNullException">There is no transformer or no stream.</exception>
    /// <exception cref="ArgumentException">The transformer is not ML.NET's.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model is scored by samples, which ONNX cannot express, or is larger than 2 GiB.
    /// </exception>
    public static void SaveAsOnnx(
        this ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer,
        Stream stream
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(stream);
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> trained = HostTransformer(transformer);
        transformer.Model.SaveAsOnnx(stream, transformer.FeatureColumnName, trained.Threshold);
    }

    // Where the threshold is.
    private static BinaryPredictionTransformer<InfomorphicBinaryModelParameters> HostTransformer(
        ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> transformer
    ) =>
        transformer as BinaryPredictionTransformer<InfomorphicBinaryModelParameters>
        ?? throw new ArgumentException(
            $"A transformer of type {transformer.GetType().Name} does not say which columns it was trained on: take the one that training or loading gave.",
            nameof(transformer)
        );
}
