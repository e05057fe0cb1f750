using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The <see cref="IEstimator{TTransformer}"/> for predicting a label that is true or false with an infomorphic network: each
/// neuron learns for itself, by maximising a goal function over the information that its inputs share about its output.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer, use
/// [Infomorphic](xref:Microsoft.ML.InfomorphicCatalog.Infomorphic*) or
/// [Infomorphic(Options)](xref:Microsoft.ML.InfomorphicCatalog.Infomorphic*).
///
/// ### Input and output columns
/// The label column must be a `Boolean`, the feature column a vector of known size of `Single`. The trainer adds
///
/// | Output column | Type | Description |
/// | -- | -- | -- |
/// | `Score` | `Single` | The log-odds of true, ln(p / (1 − p)) in nats. |
/// | `Probability` | `Single` | p, the probability of true, calibrated on rows that were not learned from. |
/// | `PredictedLabel` | `Boolean` | Whether the score is above the threshold, which is 0 unless `ChangeModelThreshold` moves it. |
///
/// Training skips, and counts in the log, rows with a missing or infinite feature, or with a weight that is not positive and
/// finite. A row with such features that is scored gets NaN for score and probability, and as predicted label false. Where
/// `Options.MissingValues` is `Indicate`, rows with missing features are learned from and scored.
///
/// ### Trainer Characteristics
/// |  |  |
/// | -- | -- |
/// | Machine learning task | Binary classification |
/// | Is normalization required? | No: features are standardised and encoded in training, see `Options.Standardization` and `Options.Encoding` |
/// | Is caching required? | No: rows are read once, or several times an epoch where `Options.MemoryBudget` is too small for them |
/// | Required NuGet in addition to Microsoft.ML | Microsoft.ML.Infomorphic; for training TorchSharp-cpu or TorchSharp-cuda-linux |
/// | Exportable to ONNX | Yes, unless rows are scored by samples |
///
/// ### Training Algorithm Details
/// The network is the one that [InfomorphicTrainer](xref:Microsoft.ML.Infomorphic.InfomorphicTrainer) trains on the two classes
/// false and true, and the options are the same. Its output layer keeps a neuron for each of them: an infomorphic output neuron
/// learns from its own label, and a softmax regression of two classes gives the probabilities of a logistic regression. The
/// score is the difference of the two neurons' calibrated sums; of several networks it follows from the mean of their
/// probabilities. Class weights are named by "False" and "True".
/// ]]></format>
/// </remarks>
/// <seealso cref="InfomorphicTrainer.Options"/>
public sealed class InfomorphicBinaryTrainer
    : TrainerEstimatorBase<
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters>,
        InfomorphicBinaryModelParameters
    >
{
    internal const string LoadName = "InfomorphicBinary";

    // Trains the network on two classes.
    private readonly InfomorphicTrainer _trainer;

    internal InfomorphicBinaryTrainer(IHostEnvironment environment, InfomorphicTrainer.Options options)
        : this(environment, new InfomorphicTrainer(environment, options, LoadName)) { }

    private InfomorphicBinaryTrainer(IHostEnvironment environment, InfomorphicTrainer trainer)
        : base(
            environment.Register(LoadName),
            trainer.FeatureColumn,
            TrainerUtils.MakeBoolScalarLabel(trainer.LabelColumn.Name),
            trainer.WeightColumn
        )
    {
        _trainer = trainer;
    }

    /// <summary>
    /// What the trainer needs and supports: neither normalisation, calibration nor caching; validation data and continued
    /// training.
    /// </summary>
    public override TrainerInfo Info => _trainer.Info;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.BinaryClassification;

    /// <summary>Trains on training data, judging every epoch by validation data.</summary>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data, with the same columns.</param>
    /// <returns>The transformer that scores data with the trained model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public BinaryPredictionTransformer<InfomorphicBinaryModelParameters> Fit(
        IDataView trainData,
        IDataView validationData
    ) => TrainTransformer(trainData, validationData);

    /// <summary>
    /// Goes on training an earlier model, on the same data or on other, such as the next batch of a stream, also one of which all
    /// labels are the same. Epochs are counted on from the earlier model's, and the history goes on: records are appended, steps and
    /// seconds added up. The optimiser begins anew, unless the earlier model keeps its state (<c>Options.KeepOptimizerState</c>).
    /// </summary>
    /// <param name="trainData">The training data, with as many features as the earlier model knows.</param>
    /// <param name="modelParameters">The earlier model; it stays as it is.</param>
    /// <returns>The transformer that scores data with the new model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from or do not fit the model, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public BinaryPredictionTransformer<InfomorphicBinaryModelParameters> Fit(
        IDataView trainData,
        InfomorphicBinaryModelParameters modelParameters
    ) => TrainTransformer(trainData, initPredictor: modelParameters);

    /// <summary>Goes on training an earlier model, judging every epoch by validation data.</summary>
    /// <param name="trainData">The training data, with as many features as the earlier model knows.</param>
    /// <param name="validationData">The validation data, with the same columns.</param>
    /// <param name="modelParameters">The earlier model; it stays as it is.</param>
    /// <returns>The transformer that scores data with the new model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from or do not fit the model, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public BinaryPredictionTransformer<InfomorphicBinaryModelParameters> Fit(
        IDataView trainData,
        IDataView validationData,
        InfomorphicBinaryModelParameters modelParameters
    ) => TrainTransformer(trainData, validationData, modelParameters);

    /// <summary>
    /// Fits several trainers to the same data together, as one wide network on the same batches, each to the model that its own
    /// Fit would give: as <see cref="InfomorphicTrainer.FitMany"/>.
    /// </summary>
    /// <param name="trainers">The trainers, at least one, each of which <see cref="CanFitWith"/> the first.</param>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data, with the same columns; null for none.</param>
    /// <returns>What each of them came to, in their order.</returns>
    /// <exception cref="ArgumentException">There is no trainer, or they cannot be fitted together: the message says why.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled before training began.</exception>
    public static IReadOnlyList<FitOutcome<BinaryPredictionTransformer<InfomorphicBinaryModelParameters>>> FitMany(
        IReadOnlyList<InfomorphicBinaryTrainer> trainers,
        IDataView trainData,
        IDataView? validationData = null
    )
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(trainData);
        InfomorphicTrainer[] networks = [.. trainers.Select(trainer => trainer._trainer)];
        InfomorphicTrainer.ThrowIfNotTogether(networks);
        InfomorphicBinaryTrainer first = trainers[0];
        var context = new TrainContext(
            first.RolesOf(trainData),
            validationData is null ? null : first.RolesOf(validationData)
        );
        return
        [
            .. InfomorphicTrainer
                .TrainModels(networks, context)
                .Zip(
                    trainers,
                    (trained, trainer) =>
                        new FitOutcome<BinaryPredictionTransformer<InfomorphicBinaryModelParameters>>(
                            trained.Model is null
                                ? null
                                : trainer.MakeTransformer(
                                    new InfomorphicBinaryModelParameters(trainer.Host, trained.Model),
                                    trainData.Schema
                                ),
                            trained.Error
                        )
                ),
        ];
    }

    /// <inheritdoc cref="InfomorphicTrainer.CanFitWith"/>
    public bool CanFitWith(InfomorphicBinaryTrainer other, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(other);
        return _trainer.CanFitWith(other._trainer, out reason);
    }

    internal static InfomorphicBinaryTrainer Create(
        BinaryClassificationCatalog.BinaryClassificationTrainers catalog,
        InfomorphicTrainer.Options options
    ) => new(CatalogUtils.GetEnvironment(catalog), options);

    /// <inheritdoc/>
    protected override void CheckLabelCompatible(SchemaShape.Column labelCol)
    {
        if (!LabelColumn.IsCompatibleWith(labelCol))
            throw Host.ExceptParam(
                nameof(labelCol),
                $"The label column '{LabelColumn.Name}' must be Boolean, and is {labelCol.GetTypeString()}: map its values to true and false by MapValue, or train several classes with mlContext.MulticlassClassification.Trainers.Infomorphic."
            );
    }

    /// <inheritdoc/>
    protected override SchemaShape.Column[] GetOutputColumnsCore(SchemaShape inputSchema) =>
        [
            Output(DefaultColumnNames.Score, NumberDataViewType.Single),
            Output(DefaultColumnNames.Probability, NumberDataViewType.Single, isNormalized: true),
            Output(DefaultColumnNames.PredictedLabel, BooleanDataViewType.Instance),
        ];

    /// <inheritdoc/>
    protected override BinaryPredictionTransformer<InfomorphicBinaryModelParameters> MakeTransformer(
        InfomorphicBinaryModelParameters model,
        DataViewSchema trainSchema
    ) => new(Host, model, trainSchema, FeatureColumn.Name);

    /// <inheritdoc/>
    protected override InfomorphicBinaryModelParameters TrainModelCore(TrainContext trainContext)
    {
        // What is no binary model the trainer of the network refuses.
        var context = new TrainContext(
            trainContext.TrainingSet,
            trainContext.ValidationSet,
            trainContext.TestSet,
            trainContext.InitialPredictor is InfomorphicBinaryModelParameters earlier
                ? earlier.TwoClasses
                : trainContext.InitialPredictor
        );
        (InfomorphicModelParameters? model, Exception? error) = InfomorphicTrainer.TrainModels([_trainer], context)[0];
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
        return new InfomorphicBinaryModelParameters(Host, model!);
    }

    private static SchemaShape.Column Output(string name, DataViewType type, bool isNormalized = false) =>
        new(
            name,
            SchemaShape.Column.VectorKind.Scalar,
            type,
            false,
            new SchemaShape(AnnotationUtils.GetTrainerOutputAnnotation(isNormalized))
        );

    private RoleMappedData RolesOf(IDataView data)
    {
        _ = GetOutputSchema(SchemaShape.Create(data.Schema)); // says what is wrong with the columns
        return MakeRoles(data);
    }
}
