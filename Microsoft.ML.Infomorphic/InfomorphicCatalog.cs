using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML;

/// <summary>Adds infomorphic networks to ML.NET's catalogs.</summary>
public static class InfomorphicCatalog
{
    internal const string DefaultLayerColumn = "LayerOutputs";

    /// <summary>
    /// Creates an <see cref="InfomorphicTrainer"/>, which predicts one of several classes with a network of neurons
    /// each of which learns for itself, from the information that its inputs share.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass trainers.</param>
    /// <param name="labelColumnName">The label column: a key of 32 bits with two classes or more.</param>
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
    public static InfomorphicTrainer Infomorphic(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
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
            OptionsOf(
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
    /// Creates an <see cref="InfomorphicTrainer"/> with advanced options, which predicts one of several classes with a
    /// network of neurons each of which learns for itself, from the information that its inputs share.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass trainers.</param>
    /// <param name="options">The options; later changes to them have no effect on the trainer.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or a goal does not parse.</exception>
    /// <exception cref="InvalidOperationException">This library does not work with this version of ML.NET.</exception>
    public static InfomorphicTrainer Infomorphic(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        InfomorphicTrainer.Options options
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        SupportedHost.ThrowIfUnsupported();
        return InfomorphicTrainer.Create(catalog, options);
    }

    /// <summary>
    /// Saves a model to a file that is there as a whole, or is what it was before. The file is the one that
    /// <see cref="ModelOperationsCatalog.Save(ITransformer, DataViewSchema, string)"/> writes, which on a full disk leaves
    /// a part of it behind, and does not always say so.
    /// </summary>
    /// <param name="catalog">The catalog of model operations.</param>
    /// <param name="model">The model: any transformer or chain of them.</param>
    /// <param name="inputSchema">The schema of the model's input, or null.</param>
    /// <param name="filePath">The file; one that exists is replaced.</param>
    /// <exception cref="ArgumentNullException">There is no catalog, no model or no file path.</exception>
    /// <exception cref="IOException">The file cannot be written, the disk is full for instance.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public static void SaveWhole(
        this ModelOperationsCatalog catalog,
        ITransformer model,
        DataViewSchema? inputSchema,
        string filePath
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        ModelFile.Save(catalog, model, inputSchema, filePath, File.Create);
    }

    /// <summary>
    /// Loads a model from a file that may be damaged: checksums are compared before anything is read, no memory is taken
    /// for what the file only promises, and whatever is wrong with it is one error with one sentence.
    /// <see cref="ModelOperationsCatalog.Load(string, out DataViewSchema)"/> reads the same files.
    /// </summary>
    /// <remarks>
    /// What this library reads of a file is safe to read from anyone. The other parts ML.NET reads, which asks its users
    /// to load models from sources that they trust only.
    /// </remarks>
    /// <param name="catalog">The catalog of model operations.</param>
    /// <param name="filePath">The file.</param>
    /// <param name="inputSchema">The schema of the model's input; null if the model was saved without.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ArgumentNullException">There is no catalog or no file path.</exception>
    /// <exception cref="FormatException">The file is damaged, or holds something else.</exception>
    /// <exception cref="InvalidOperationException">The application was trimmed, and lacks what ML.NET loads models with.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public static ITransformer LoadWhole(
        this ModelOperationsCatalog catalog,
        string filePath,
        out DataViewSchema inputSchema
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        using FileStream stream = File.OpenRead(filePath);
        return ModelFile.Load(catalog, stream, Path.GetFileName(filePath), out inputSchema);
    }

    /// <summary>Scores with the same network in another way, without training again.</summary>
    /// <param name="transformer">The transformer; it stays as it is.</param>
    /// <param name="mode">What a hidden neuron passes on.</param>
    /// <param name="numberOfSamples">
    /// Samples to average over, 1 to <see cref="ScoringSettings.MaximumSamples"/>; used by
    /// <see cref="ScoringMode.Sampled"/> alone.
    /// </param>
    /// <param name="seed">The samples follow from this number and a row's features.</param>
    /// <param name="calibrate">Whether probabilities are calibrated; the paper's are not.</param>
    /// <returns>A transformer with the same columns and labels.</returns>
    /// <exception cref="ArgumentNullException">There is no transformer.</exception>
    /// <exception cref="ArgumentException">The transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The mode is unknown, or the number of samples is out of its range.</exception>
    public static InfomorphicPredictionTransformer WithScoring(
        this ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        ScoringMode mode,
        int numberOfSamples = InfomorphicTrainer.Options.Defaults.NumberOfScoringSamples,
        ulong seed = 0,
        bool calibrate = true
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        var settings = new ScoringSettings(mode, numberOfSamples, seed, calibrate);
        return InfomorphicPredictionTransformer.Of(transformer).With(transformer.Model.WithScoring(settings));
    }

    /// <summary>
    /// Gives the outputs of a layer of a trained network as a column, for a pipeline that goes on with them. To train the
    /// network within a pipeline, use <see cref="InfomorphicLayer"/>.
    /// </summary>
    /// <param name="transformer">The trained transformer; it stays as it is.</param>
    /// <param name="layer">The layer's place in the network, from 0 for the lowest; the output layer is the last one.</param>
    /// <param name="outputColumnName">
    /// The name of the new column, a vector of <see cref="float"/>: the mean outputs with the label withheld, from −1 to 1; NaN
    /// where a feature is missing. Of several networks it has all outputs, one network after another.
    /// </param>
    /// <returns>A transformer that reads the same feature column.</returns>
    /// <exception cref="ArgumentNullException">There is no transformer or no name.</exception>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The network has no such layer.</exception>
    public static InfomorphicLayerTransformer LayerOutputs(
        this ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        int layer,
        string outputColumnName = DefaultLayerColumn
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        return LayerOutputs(transformer.Model, transformer.FeatureColumnName, layer, outputColumnName);
    }

    /// <summary>
    /// Creates an estimator that trains an infomorphic network and gives the outputs of one of its layers as a column, for a
    /// pipeline that goes on with them:
    /// <code>
    /// mlContext.Transforms.InfomorphicLayer(mlContext.MulticlassClassification.Trainers.Infomorphic(), layer: 0, "Hidden")
    ///     .Append(mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: "Hidden"))
    /// </code>
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="trainer">The trainer of the network.</param>
    /// <param name="layer">The layer's place in the network, from 0 for the lowest; the output layer is the last one.</param>
    /// <param name="outputColumnName">
    /// The name of the new column, a vector of <see cref="float"/>: the mean outputs with the label withheld, from −1 to 1; NaN
    /// where a feature is missing. Of several networks it has all outputs, one network after another.
    /// </param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The trainer's network has no such layer.</exception>
    public static InfomorphicLayerEstimator InfomorphicLayer(
        this TransformsCatalog catalog,
        InfomorphicTrainer trainer,
        int layer = 0,
        string outputColumnName = DefaultLayerColumn
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ThrowIfMissing(layer, trainer.LayerCount);
        return new InfomorphicLayerEstimator(trainer, layer, outputColumnName);
    }

    /// <summary>
    /// Explains a trained infomorphic network on labelled data, without training: as
    /// <see cref="InfomorphicModelParameters.Explain"/>, with the transformer's feature column.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="transformer">The trained transformer.</param>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: a key with the model's classes.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to look; null for the training's batch size and otherwise the defaults.</param>
    /// <param name="cancellationToken">Cancels the explanation.</param>
    /// <returns>The explanation.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or does not fit the model, keys of the label column stand for other classes than in training, or a
    /// setting is out of its range.
    /// </exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public static NetworkInsight ExplainInfomorphic(
        this MulticlassClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        IDataView data,
        string labelColumnName = "Label",
        string? exampleWeightColumnName = null,
        InsightSettings? settings = null,
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
    /// Writes a trained model as an ONNX file (operator set 13, IR version 7), for ONNX Runtime and others. The file is
    /// there as a whole, or is what it was before.
    /// </summary>
    /// <remarks>
    /// Input: the feature column, <see cref="float"/>, rows × features, raw. Outputs: "Score", <see cref="float"/>,
    /// rows × classes, the probabilities; "PredictedLabel", one a row: a text or an integer (64 bits), as the labels
    /// were in training; a number, where they were numbers; the index of the class, from 0, where the label column has
    /// no key values. Scores are those of this transformer up to rounding. A row with a feature that is not finite gets
    /// NaN for every class, and the label "", the least integer, NaN, or −1. Thresholded models have further
    /// differences where rounding decides whether a neuron fires.
    /// </remarks>
    /// <param name="transformer">
    /// The trained model. In a pipeline this is the transformer that the trainer gave: its neighbours are not exported.
    /// </param>
    /// <param name="filePath">The file; one that exists is replaced.</param>
    /// <exception cref="ArgumentNullException">There is no transformer or no file path.</exception>
    /// <exception cref="ArgumentException">The transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model is scored by samples, which ONNX cannot express, or is larger than 2 GiB.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public static void SaveAsOnnx(
        this ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
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

    /// <summary>Writes a trained model in ONNX's format to a stream: <see cref="SaveAsOnnx(ISingleFeaturePredictionTransformer{InfomorphicModelParameters}, string)"/>.</summary>
    /// <param name="transformer">The trained model.</param>
    /// <param name="stream">Where to; nothing is written where the model cannot be exported.</param>
    /// <exception cref="ArgumentNullException">There is no transformer or no stream.</exception>
    /// <exception cref="ArgumentException">The transformer is neither this library's nor ML.NET's.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model is scored by samples, which ONNX cannot express, or is larger than 2 GiB.
    /// </exception>
    public static void SaveAsOnnx(
        this ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        Stream stream
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(stream);
        DataViewSchema schema = transformer.GetOutputSchema(
            InfomorphicPredictionTransformer.Of(transformer).TrainSchema
        );
        transformer.Model.SaveAsOnnx(
            stream,
            schema[DefaultColumnNames.Score],
            transformer.FeatureColumnName,
            DefaultColumnNames.PredictedLabel
        );
    }

    // The frequent options; the others have their defaults.
    internal static InfomorphicTrainer.Options OptionsOf(
        string labelColumnName,
        string featureColumnName,
        string? exampleWeightColumnName,
        int? numberOfHiddenNeurons,
        string goal,
        int? numberOfEpochs,
        int? batchSize,
        double? learningRate
    ) =>
        new()
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            NumberOfHiddenNeurons = numberOfHiddenNeurons,
            Goal = goal,
            NumberOfEpochs = numberOfEpochs,
            BatchSize = batchSize,
            LearningRate = learningRate,
        };

    internal static InfomorphicLayerTransformer LayerOutputs(
        InfomorphicModelParameters model,
        string featureColumnName,
        int layer,
        string outputColumnName
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ThrowIfMissing(layer, model.Network.Layers.Count);
        return new InfomorphicLayerTransformer(model.Environment, model, layer, featureColumnName, outputColumnName);
    }

    // The message alone: with the value .NET would write a second line.
    private static void ThrowIfMissing(int layer, int layers)
    {
        if (InfomorphicLayerTransformer.ObstacleTo(layer, layers) is string obstacle)
            throw new ArgumentOutOfRangeException(nameof(layer), obstacle);
    }
}
