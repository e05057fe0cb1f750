using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML;

/// <summary>Adds infomorphic networks to ML.NET's catalogs.</summary>
public static class InfomorphicCatalog
{
    /// <summary>
    /// Creates an <see cref="InfomorphicTrainer"/>, which predicts one of several classes with a network of neurons
    /// each of which learns for itself, from the information that its inputs share.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass trainers.</param>
    /// <param name="labelColumnName">The label column: a key of 32 bits with two classes or more.</param>
    /// <param name="featureColumnName">The feature column: a vector of known size of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive example weights (<see cref="float"/>), or null.</param>
    /// <param name="numberOfHiddenNeurons">The number of hidden neurons, at least 1.</param>
    /// <param name="goal">
    /// The goal of the hidden neurons over feedforward input F, context C and lateral input L: in the paper's notation,
    /// such as "0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}", or the name of a published goal.
    /// </param>
    /// <param name="numberOfEpochs">The number of passes over the training rows, at least 1.</param>
    /// <param name="batchSize">The number of rows in a training step, at least 2.</param>
    /// <param name="learningRate">The learning rate of the hidden neurons, positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range, or the goal does not parse.</exception>
    /// <exception cref="InvalidOperationException">This library does not work with this version of ML.NET.</exception>
    public static InfomorphicTrainer Infomorphic(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        int numberOfHiddenNeurons = InfomorphicTrainer.Options.Defaults.NumberOfHiddenNeurons,
        string goal = InfomorphicTrainer.Options.Defaults.Goal,
        int numberOfEpochs = InfomorphicTrainer.Options.Defaults.NumberOfEpochs,
        int batchSize = InfomorphicTrainer.Options.Defaults.BatchSize,
        double learningRate = InfomorphicTrainer.Options.Defaults.LearningRate
    ) =>
        Infomorphic(
            catalog,
            new InfomorphicTrainer.Options
            {
                LabelColumnName = labelColumnName,
                FeatureColumnName = featureColumnName,
                ExampleWeightColumnName = exampleWeightColumnName,
                NumberOfHiddenNeurons = numberOfHiddenNeurons,
                Goal = goal,
                NumberOfEpochs = numberOfEpochs,
                BatchSize = batchSize,
                LearningRate = learningRate,
            }
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

    /// <summary>Scores with the same network in another way, without training again.</summary>
    /// <param name="transformer">The transformer; it stays as it is.</param>
    /// <param name="mode">What a hidden neuron passes on.</param>
    /// <param name="numberOfSamples">Samples to average over, at least 1; used by <see cref="ScoringMode.Sampled"/> alone.</param>
    /// <param name="seed">The samples follow from this number and a row's features.</param>
    /// <param name="calibrate">Whether probabilities are calibrated; the paper's are not.</param>
    /// <returns>A transformer with the same columns and labels.</returns>
    /// <exception cref="ArgumentNullException">There is no transformer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The mode is unknown, or the number of samples is not positive.</exception>
    public static InfomorphicPredictionTransformer WithScoring(
        this InfomorphicPredictionTransformer transformer,
        ScoringMode mode,
        int numberOfSamples = InfomorphicTrainer.Options.Defaults.NumberOfScoringSamples,
        ulong seed = 0,
        bool calibrate = true
    )
    {
        ArgumentNullException.ThrowIfNull(transformer);
        var settings = new ScoringSettings(mode, numberOfSamples, seed, calibrate);
        return transformer.With(transformer.Model.WithScoring(settings));
    }
}
