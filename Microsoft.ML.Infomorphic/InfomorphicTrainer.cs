using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The <see cref="IEstimator{TTransformer}"/> for predicting one of several classes with an infomorphic network: each
/// neuron learns for itself, by maximising a goal function over the information that its inputs share about its output.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer, use
/// [Infomorphic](xref:Microsoft.ML.InfomorphicCatalog.Infomorphic*) or
/// [Infomorphic(Options)](xref:Microsoft.ML.InfomorphicCatalog.Infomorphic*).
///
/// ### Input and output columns
/// The label column must be a key of 32 bits with at least two classes, the feature column a vector of known size of
/// `Single`. The trainer adds
///
/// | Output column | Type | Description |
/// | -- | -- | -- |
/// | `Score` | Vector of `Single` | One probability a class; they sum to 1. |
/// | `PredictedLabel` | key | The class with the greatest probability. |
///
/// Training skips, and counts in the log, rows with a missing or infinite feature, without a label, or with a weight
/// that is not positive and finite. A row with such features that is scored gets NaN scores and a missing label. Where
/// `Options.MissingValues` is `Indicate`, rows with missing features are learned from and scored.
///
/// ### Trainer Characteristics
/// |  |  |
/// | -- | -- |
/// | Machine learning task | Multiclass classification |
/// | Is normalization required? | No: features are standardised and encoded in training, see `Options.Standardization` and `Options.Encoding` |
/// | Is caching required? | No: rows are read once, or several times an epoch where `Options.MemoryBudget` is too small for them |
/// | Required NuGet in addition to Microsoft.ML | Microsoft.ML.Infomorphic; for training TorchSharp-cpu or TorchSharp-cuda-linux |
/// | Exportable to ONNX | Yes, unless rows are scored by samples |
///
/// ### Training Algorithm Details
/// A hidden neuron has three sources: the features F, the label C, which is withheld when rows are scored, and the other
/// hidden neurons L. Partial information decomposition splits the information that they have about the neuron's output
/// into 18 atoms, such as what F and C share, and the neuron ascends the gradient of a weighted sum of them and of the
/// residual entropy: `Options.Goal`. No gradient crosses neurons or layers. The output layer, one neuron a class, is a
/// softmax regression on the hidden layer or, as in the paper, consists of neurons with goals and two sources, the hidden layer
/// and their own label (`Options.OutputLayer`).
///
/// Batches, epochs, learning rates and the share of rows that is held out suit the data where options do not say them;
/// `Options.Paper()` has the paper's. Training keeps the epoch with the least log-loss on validation rows, which are those held
/// out or data of their own, and warns where nothing was learned.
///
/// Options choose the other set-ups of the paper: sparse lateral connections (`Options.MaximumLateralConnections`), feedback from the output layer as context (`Options.Context`), hidden
/// neurons with context or lateral input alone (`Options.LateralInput`), a fixed random hidden layer or none
/// (`Options.HiddenLayer`). See
/// [Schneider, Neuhaus, Ehrlich, Makkeh, Ecker, Priesemann and Wibral, arXiv 2412.02482](https://arxiv.org/abs/2412.02482).
/// ]]></format>
/// </remarks>
/// <seealso cref="Options"/>
public sealed partial class InfomorphicTrainer
    : TrainerEstimatorBase<InfomorphicPredictionTransformer, InfomorphicModelParameters>
{
    internal const string LoadName = "InfomorphicMulticlass";

    private readonly IHostEnvironment _environment;
    private readonly Options _options;
    private readonly int _seed;

    // Checked and sized before data are known; what trains is sized to them (SettingsFor).
    private readonly TrainingSettings _settings;
    private readonly ScoringSettings _scoring;
    private readonly string _device;
    private readonly long? _memoryBudget;
    private readonly Action<EpochRecord>? _epochEnded;
    private readonly Action<TrainingCheckpoint>? _checkpointReached;
    private readonly CancellationToken _cancellationToken;
    private readonly string? _neuronsOption;

    internal InfomorphicTrainer(IHostEnvironment environment, Options options, string name = LoadName)
        : base(
            Contracts.CheckRef(environment, nameof(environment)).Register(name),
            TrainerUtils.MakeR4VecFeature(
                ColumnName(environment, options.FeatureColumnName, nameof(options.FeatureColumnName))
            ),
            TrainerUtils.MakeU4ScalarColumn(
                ColumnName(environment, options.LabelColumnName, nameof(options.LabelColumnName))
            ),
            TrainerUtils.MakeR4ScalarWeightColumn(
                options.ExampleWeightColumnName is null
                    ? null
                    : ColumnName(environment, options.ExampleWeightColumnName, nameof(options.ExampleWeightColumnName))
            )
        )
    {
        // Drawn once and always, so that a trainer gives the same model again, and an option more or less does not
        // change what the context's other components draw.
        _seed = Host.Rand.Next();
        _environment = environment;
        _options = options.Copy();
        _settings = _options.ToTrainingSettings(Host, _seed);
        _scoring = new ScoringSettings(
            options.Scoring,
            options.NumberOfScoringSamples,
            _settings.Seed,
            options.CalibrateScores
        );
        _device = options.Device;
        _memoryBudget = (long?)options.MemoryBudget << 20;
        _epochEnded = options.EpochEnded;
        _checkpointReached = options.CheckpointReached;
        _cancellationToken = options.CancellationToken;
        _neuronsOption = options.HiddenLayers is null ? nameof(options.NumberOfHiddenNeurons) : null;
        Info = new TrainerInfo(
            normalization: false,
            calibration: false,
            caching: false,
            supportValid: true,
            supportIncrementalTrain: true
        );
    }

    /// <summary>
    /// What the trainer needs and supports: neither normalisation nor caching; validation data and continued training.
    /// </summary>
    public override TrainerInfo Info { get; }

    /// <summary>Number of layers of the network, with the output layer.</summary>
    internal int LayerCount => _settings.HiddenLayers.Count + 1;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.MulticlassClassification;

    /// <summary>Trains on training data, judging every epoch by validation data.</summary>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data, with the same columns.</param>
    /// <returns>The transformer that scores data with the trained model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public InfomorphicPredictionTransformer Fit(IDataView trainData, IDataView validationData) =>
        TrainTransformer(trainData, validationData);

    /// <summary>
    /// Goes on training an earlier model, on the same data or on other, such as the next batch of a stream. Epochs are counted on
    /// from the earlier model's, and the history goes on: records are appended, steps and seconds added up.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Classes are told by their names, the values of the label column's keys: keys may be numbered otherwise than for the earlier
    /// model, and classes may be missing, up to all but one. Classes that the model does not know are added behind its own, for
    /// scores and predicted labels, too; hidden neurons hear their label with the weight 0 at first, and the scores of the others among
    /// each other are as before until something is learned. Where keys have no values, there must be as many as the model has
    /// classes.
    /// </para>
    /// <para>
    /// Features are standardised and encoded as for the earlier model, and scores are calibrated from its calibration on, among the
    /// classes that have rows. The optimiser begins anew, unless the earlier model keeps its state
    /// (<see cref="Options.KeepOptimizerState"/>). A stream is learned from the batches as they come, and what they no longer show is
    /// forgotten by and by.
    /// </para>
    /// </remarks>
    /// <param name="trainData">The training data, with as many features as the earlier model knows.</param>
    /// <param name="modelParameters">The earlier model; it stays as it is.</param>
    /// <returns>The transformer that scores data with the new model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from or do not fit the model, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public InfomorphicPredictionTransformer Fit(IDataView trainData, InfomorphicModelParameters modelParameters) =>
        TrainTransformer(trainData, initPredictor: modelParameters);

    /// <summary>Goes on training an earlier model, judging every epoch by validation data.</summary>
    /// <remarks>As <see cref="Fit(IDataView, InfomorphicModelParameters)"/> does.</remarks>
    /// <param name="trainData">The training data, with as many features as the earlier model knows.</param>
    /// <param name="validationData">
    /// The validation data, with the same columns. Its classes are told by their names, too, and the training data or the earlier
    /// model has each of them.
    /// </param>
    /// <param name="modelParameters">The earlier model; it stays as it is.</param>
    /// <returns>The transformer that scores data with the new model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from or do not fit the model, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public InfomorphicPredictionTransformer Fit(
        IDataView trainData,
        IDataView validationData,
        InfomorphicModelParameters modelParameters
    ) => TrainTransformer(trainData, validationData, modelParameters);

    /// <summary>
    /// Fits several trainers to the same data together, as one wide network on the same batches: the trials of a search,
    /// say, that differ in their goals. On the CPU each gives the model, bit for bit, that its own Fit would give; on a
    /// device the model but for rounding, in hardly more time than one of them takes.
    /// </summary>
    /// <remarks>
    /// A trainer whose <see cref="Options.EpochEnded"/> throws or whose <see cref="Options.CancellationToken"/> is cancelled
    /// ends there, and the others go on. The times in the models' histories are those of all together.
    /// </remarks>
    /// <param name="trainers">
    /// The trainers, at least one, each of which <see cref="CanFitWith"/> the first: in particular, of the same
    /// <see cref="TrainerInputBaseWithWeight"/> columns, numbers of neurons and <see cref="Options.Seed"/>, which is to be set.
    /// </param>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data, with the same columns; null for none.</param>
    /// <returns>What each of them came to, in their order.</returns>
    /// <exception cref="ArgumentException">There is no trainer, or they cannot be fitted together: the message says why.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled before training began.</exception>
    public static IReadOnlyList<FitOutcome> FitMany(
        IReadOnlyList<InfomorphicTrainer> trainers,
        IDataView trainData,
        IDataView? validationData = null
    )
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(trainData);
        ThrowIfNotTogether(trainers);
        InfomorphicTrainer first = trainers[0];
        var context = new TrainContext(
            first.RolesOf(trainData),
            validationData is null ? null : first.RolesOf(validationData)
        );
        return
        [
            .. TrainModels(trainers, context)
                .Zip(
                    trainers,
                    (trained, trainer) =>
                        new FitOutcome(
                            trained.Model is null ? null : trainer.MakeTransformer(trained.Model, trainData.Schema),
                            trained.Error
                        )
                ),
        ];
    }

    /// <summary>
    /// Whether a trainer can be fitted together with another one by <see cref="FitMany"/>: they may differ in their goals,
    /// activations, learning rates, weight decays, numbers of epochs and of networks, in when they stop early and in how they score.
    /// </summary>
    /// <param name="other">The other trainer.</param>
    /// <param name="reason">Why not, in one sentence; null where they can.</param>
    /// <returns>Whether they can.</returns>
    public bool CanFitWith(InfomorphicTrainer other, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(other);
        (string Name, object? Mine, object? Other)[] shared =
        [
            (nameof(Options.LabelColumnName), LabelColumn.Name, other.LabelColumn.Name),
            (nameof(Options.FeatureColumnName), FeatureColumn.Name, other.FeatureColumn.Name),
            (nameof(Options.ExampleWeightColumnName), WeightColumn.Name, other.WeightColumn.Name),
            (nameof(Options.Device), _device, other._device),
            (nameof(Options.MemoryBudget), _memoryBudget, other._memoryBudget),
            (nameof(Options.ClassWeighting), _options.ClassWeighting, other._options.ClassWeighting),
            (nameof(Options.ClassWeights), DescribeClassWeights(), other.DescribeClassWeights()),
        ];
        foreach ((string name, object? mine, object? others) in shared)
        {
            if (Equals(mine, others))
                continue;
            reason =
                $"Trainers that are fitted together have the same {name}, and here it is {mine ?? "not set"} and {others ?? "not set"}.";
            return false;
        }

        return _settings.CanTrainWith(other._settings, out reason);
    }

    /// <summary>Refuses trainers that cannot be fitted together.</summary>
    /// <exception cref="ArgumentException">There is none, or they cannot: the message says why.</exception>
    internal static void ThrowIfNotTogether(IReadOnlyList<InfomorphicTrainer> trainers)
    {
        if (trainers.Count == 0)
            throw new ArgumentException("There is no trainer to fit.", nameof(trainers));
        foreach (InfomorphicTrainer trainer in trainers)
            if (!trainers[0].CanFitWith(trainer, out string? reason))
                throw new ArgumentException(reason, nameof(trainers));
    }

    internal static InfomorphicTrainer Create(
        MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        Options options
    ) => new(CatalogUtils.GetEnvironment(catalog), options);

    /// <inheritdoc/>
    protected override void CheckLabelCompatible(SchemaShape.Column labelCol)
    {
        if (labelCol.ItemType is BooleanDataViewType)
            throw Host.ExceptParam(
                nameof(labelCol),
                $"The label column '{LabelColumn.Name}' must be a key, and is {labelCol.GetTypeString()}: train it with mlContext.BinaryClassification.Trainers.Infomorphic, or map it to a key by MapValueToKey."
            );
        base.CheckLabelCompatible(labelCol);
    }

    /// <inheritdoc/>
    protected override SchemaShape.Column[] GetOutputColumnsCore(SchemaShape inputSchema)
    {
        Host.Check(
            inputSchema.TryFindColumn(LabelColumn.Name, out SchemaShape.Column label),
            "The label column is missing."
        );
        IEnumerable<SchemaShape.Column> keyValues = label.Annotations.Where(annotation =>
            annotation.Name == AnnotationUtils.Kinds.KeyValues
        );
        return
        [
            new SchemaShape.Column(
                DefaultColumnNames.Score,
                SchemaShape.Column.VectorKind.Vector,
                NumberDataViewType.Single,
                false,
                new SchemaShape(AnnotationUtils.AnnotationsForMulticlassScoreColumn(label))
            ),
            new SchemaShape.Column(
                DefaultColumnNames.PredictedLabel,
                SchemaShape.Column.VectorKind.Scalar,
                NumberDataViewType.UInt32,
                true,
                new SchemaShape(AnnotationUtils.GetTrainerOutputAnnotation().Concat(keyValues))
            ),
        ];
    }

    /// <inheritdoc/>
    protected override InfomorphicPredictionTransformer MakeTransformer(
        InfomorphicModelParameters model,
        DataViewSchema trainSchema
    ) =>
        new(
            Host,
            model,
            model.LabelValues is LabelValues labels ? labels.In(trainSchema, LabelColumn.Name) : trainSchema,
            FeatureColumn.Name,
            LabelColumn.Name
        );

    // ML.NET's sentence names a parameter of its own.
    private static string ColumnName(IHostEnvironment environment, string? name, string option) =>
        string.IsNullOrEmpty(name)
            ? throw environment.ExceptUserArg(option, $"{option} is missing: it is the name of a column.")
            : name;

    private RoleMappedData RolesOf(IDataView data)
    {
        _ = GetOutputSchema(SchemaShape.Create(data.Schema)); // says what is wrong with the columns
        return MakeRoles(data);
    }
}
