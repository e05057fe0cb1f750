using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Learning;
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
/// Training skips, and counts in the log, rows with a missing or non-finite feature, without a label, or with a weight
/// that is not positive and finite. A row with such features that is scored gets NaN scores and a missing label.
///
/// ### Trainer Characteristics
/// |  |  |
/// | -- | -- |
/// | Machine learning task | Multiclass classification |
/// | Is normalization required? | No: features are standardised in training, see `Options.Standardization` |
/// | Is caching required? | No: rows are read once, or several times an epoch where `Options.MemoryBudget` is too small for them |
/// | Required NuGet in addition to Microsoft.ML | Microsoft.ML.Infomorphic; for training TorchSharp-cpu or TorchSharp-cuda-linux |
/// | Exportable to ONNX | Yes, unless rows are scored by samples |
///
/// ### Training Algorithm Details
/// A hidden neuron has three sources: the features F, the label C, which is withheld when rows are scored, and the other
/// hidden neurons L. Partial information decomposition splits the information that they have about the neuron's output
/// into 18 atoms, such as what F and C share, and the neuron ascends the gradient of a weighted sum of them and of the
/// residual entropy: `Options.Goal`. No gradient crosses neurons or layers. An output neuron a class does the same with
/// two sources, the hidden layer and its own label. Options choose the other set-ups of the paper: sparse lateral
/// connections (`Options.MaximumLateralConnections`), feedback from the output layer as context (`Options.Context`), hidden
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
    private readonly LearningSettings _settings;
    private readonly ScoringSettings _scoring;
    private readonly string _device;
    private readonly long? _memoryBudget;
    private readonly Action<EpochRecord>? _epochEnded;
    private readonly CancellationToken _cancellationToken;

    internal InfomorphicTrainer(IHostEnvironment environment, Options options)
        : base(
            Contracts.CheckRef(environment, nameof(environment)).Register(LoadName),
            TrainerUtils.MakeR4VecFeature(options.FeatureColumnName),
            TrainerUtils.MakeU4ScalarColumn(options.LabelColumnName),
            TrainerUtils.MakeR4ScalarWeightColumn(options.ExampleWeightColumnName)
        )
    {
        if (!LabelColumn.IsValid)
            throw Host.ExceptUserArg(nameof(options.LabelColumnName), "The name of the label column is missing.");

        // Drawn once and always, so that a trainer gives the same model again, and an option more or less does not
        // change what the context's other components draw.
        int seed = Host.Rand.Next();
        _environment = environment;
        _settings = options.ToLearningSettings(Host, seed);
        _scoring = new ScoringSettings(
            options.Scoring,
            options.NumberOfScoringSamples,
            _settings.Seed,
            options.CalibrateScores
        );
        _device = options.Device;
        _memoryBudget = (long?)options.MemoryBudget << 20;
        _epochEnded = options.EpochEnded;
        _cancellationToken = options.CancellationToken;
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
    /// Goes on training an earlier model, on the same data or on other. The history of the new model begins anew.
    /// </summary>
    /// <param name="trainData">The training data, with as many features and classes as the earlier model knows.</param>
    /// <param name="modelParameters">The earlier model; it stays as it is.</param>
    /// <returns>The transformer that scores data with the new model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">The data cannot be learned from or do not fit the model, or libtorch or the device is not there.</exception>
    /// <exception cref="OperationCanceledException">The context was cancelled.</exception>
    public InfomorphicPredictionTransformer Fit(IDataView trainData, InfomorphicModelParameters modelParameters) =>
        TrainTransformer(trainData, initPredictor: modelParameters);

    /// <summary>Goes on training an earlier model, judging every epoch by validation data.</summary>
    /// <param name="trainData">The training data, with as many features and classes as the earlier model knows.</param>
    /// <param name="validationData">The validation data, with the same columns.</param>
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

    internal static InfomorphicTrainer Create(
        MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        Options options
    ) => new(CatalogUtils.GetEnvironment(catalog), options);

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
    ) => new(Host, model, trainSchema, FeatureColumn.Name, LabelColumn.Name);

    /// <inheritdoc/>
    protected override InfomorphicModelParameters TrainModelCore(TrainContext trainContext)
    {
        using IChannel channel = Host.Start("Training");
        CheckAlive();
        if (trainContext.ValidationSet is null)
            ThrowIfValidationIsNeeded();
        InfomorphicModelParameters? earlier = Earlier(trainContext.InitialPredictor);

        // What may be missing is looked for before hours are spent on reading.
        TorchRuntime.EnsureLoaded();
        ComputeDevice device = DeviceChoice.Choose(_device, _environment, channel, () => TorchRuntime.CudaDeviceCount);

        (RowSource train, RowSource? validation) = Read(channel, trainContext);
        ThrowIfDataDoNotFit(train, validation, earlier?.Network);

        channel.Info(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Training {DescribeSetup()} on {train.RowCount} instances with {train.FeatureCount} features and {train.ClassCount} classes, on {device}; goal: {(_settings.Goal ?? _settings.OutputGoal).Describe()}"
            )
        );
        TrainingResult result = Train(channel, train, validation, earlier?.Network, device);
        channel.Info(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Trained {result.History.Epochs.Count} epochs in {result.History.Seconds:F1} s; the model has the weights of epoch {result.History.BestEpoch}"
            )
        );
        return new InfomorphicModelParameters(
            Host,
            new ModelContents(result.Network, result.History, _settings, _scoring)
        );
    }

    private (RowSource Train, RowSource? Validation) Read(IChannel channel, TrainContext context)
    {
        var plan = new MemoryPlan(_memoryBudget, _settings);
        FirstReading train = DataViewReader.Read(
            Host,
            channel,
            context.TrainingSet,
            "training",
            _memoryBudget is null ? null : plan.ForRows
        );
        FirstReading? validation = context.ValidationSet is RoleMappedData data
            ? DataViewReader.Read(
                Host,
                channel,
                data,
                "validation",
                _memoryBudget is null ? null : (_, _) => plan.ForValidation(train)
            )
            : null;
        return plan.Arrange(train, validation, message => channel.Info(message));
    }

    private TrainingResult Train(
        IChannel channel,
        RowSource train,
        RowSource? validation,
        InfomorphicNetwork? initial,
        ComputeDevice device
    )
    {
        using IProgressChannel progress = Host.StartProgressChannel("Training");
        EpochRecord? last = null;
        progress.SetHeader(
            new ProgressHeader(["Accuracy", "Validation Accuracy", "Goal"], ["epochs"]),
            entry =>
            {
                entry.SetProgress(0, last?.Epoch ?? 0, _settings.Epochs);
                if (last is null)
                    return;
                entry.SetMetric(0, last.TrainingAccuracy);
                if (last.ValidationAccuracy is double accuracy)
                    entry.SetMetric(1, accuracy);
                entry.SetMetric(2, GoalOf(last));
            }
        );
        var callbacks = new TrainingCallbacks
        {
            CheckAlive = CheckAlive,
            Info = message => channel.Info(message),
            EpochEnded = epoch =>
            {
                last = epoch;
                progress.Checkpoint(epoch.TrainingAccuracy, epoch.ValidationAccuracy, GoalOf(epoch), epoch.Epoch);
                channel.Trace(Describe(epoch));
                _epochEnded?.Invoke(epoch);
            },
        };
        try
        {
            return NetworkTrainer.Train(train, validation, _settings, initial, device, callbacks);
        }
        catch (ArgumentException exception) when (exception is not ArgumentOutOfRangeException)
        {
            throw Host.Except(exception, exception.Message);
        }
    }

    private string DescribeSetup()
    {
        string neurons = string.Create(CultureInfo.InvariantCulture, $"{_settings.HiddenNeurons}");
        return _settings switch
        {
            { HiddenLayer: HiddenLayerKind.None } => "an output layer alone",
            { HiddenLayer: HiddenLayerKind.Random } => $"an output layer over {neurons} fixed random neurons",
            { Context: ContextSignal.Label, LateralInput: true } => $"{neurons} hidden neurons",
            { Context: ContextSignal.Label } => $"{neurons} hidden neurons without lateral input",
            { Context: ContextSignal.Feedback, LateralInput: true } => $"{neurons} hidden neurons with feedback",
            { Context: ContextSignal.Feedback } => $"{neurons} hidden neurons with feedback and without lateral input",
            _ => $"{neurons} hidden neurons without context",
        };
    }

    private void CheckAlive()
    {
        Host.CheckAlive();
        _cancellationToken.ThrowIfCancellationRequested();
    }

    private string Describe(EpochRecord epoch)
    {
        string validation = epoch.ValidationAccuracy is double accuracy
            ? string.Create(CultureInfo.InvariantCulture, $", validation accuracy {accuracy:P2}")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Epoch {epoch.Epoch} of {_settings.Epochs}: training accuracy {epoch.TrainingAccuracy:P2}{validation}, goal {GoalOf(epoch):F4} bits"
        );
    }

    // The goal of the hidden neurons, or of the output neurons where they alone learn.
    private static double GoalOf(EpochRecord epoch) =>
        double.IsNaN(epoch.HiddenGoal) ? epoch.OutputGoal : epoch.HiddenGoal;

    private void ThrowIfValidationIsNeeded()
    {
        if (_settings.EarlyStoppingRounds is not null)
            throw Host.Except(
                $"{nameof(Options.EarlyStoppingRounds)} needs validation data: use Fit(trainData, validationData)."
            );
        if (_settings.RestoreBestEpoch)
            throw Host.Except(
                $"{nameof(Options.RestoreBestEpoch)} needs validation data: use Fit(trainData, validationData)."
            );
    }

    private InfomorphicModelParameters? Earlier(IPredictor? predictor)
    {
        if (predictor is null)
            return null;
        if (predictor is not InfomorphicModelParameters earlier)
            throw Host.Except(
                $"An infomorphic network can go on from another one, and not from a {predictor.GetType().Name}."
            );
        if (NetworkState.DescribeDifference(earlier.Network, _settings) is string difference)
            throw Host.Except(difference);
        int neurons = earlier.Network.HiddenLayers.Count == 0 ? 0 : earlier.Network.HiddenLayers[0].NeuronCount;
        if (neurons > 0 && neurons != _settings.HiddenNeurons)
            throw Host.Except(
                $"The model to go on from has {neurons} hidden neurons, and {nameof(Options.NumberOfHiddenNeurons)} is {_settings.HiddenNeurons}."
            );
        return earlier;
    }

    private void ThrowIfDataDoNotFit(RowSource train, RowSource? validation, InfomorphicNetwork? earlier)
    {
        if (!train.HasDifferentLabels)
            throw Host.Except(
                $"All {train.RowCount} valid training instances have the same label, and a classifier needs at least two classes."
            );
        if (validation is not null)
            ThrowIfDifferent("validation data", validation.FeatureCount, validation.ClassCount, "training data", train);
        if (earlier is not null)
            ThrowIfDifferent("model to go on from", earlier.FeatureCount, earlier.ClassCount, "training data", train);
    }

    private void ThrowIfDifferent(string what, int features, int classes, string thanWhat, RowSource rows)
    {
        if (features != rows.FeatureCount)
            throw Host.Except($"The {what} has {features} features, and the {thanWhat} has {rows.FeatureCount}.");
        if (classes != rows.ClassCount)
            throw Host.Except($"The {what} has {classes} classes, and the {thanWhat} has {rows.ClassCount}.");
    }
}
