using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
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

    /// <inheritdoc/>
    protected override InfomorphicModelParameters TrainModelCore(TrainContext trainContext)
    {
        (InfomorphicModelParameters? model, Exception? error) = TrainModels([this], trainContext)[0];
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
        return model!;
    }

    // The first trainer reads the data for all; labels are keys or, of two classes, bool.
    internal static (InfomorphicModelParameters? Model, Exception? Error)[] TrainModels(
        IReadOnlyList<InfomorphicTrainer> trainers,
        TrainContext context
    )
    {
        InfomorphicTrainer first = trainers[0];
        TrainingReport[] reports = [.. trainers.Select(trainer => new TrainingReport(trainer))];
        try
        {
            IChannel channel = reports[0].Channel;
            CheckAlive(trainers);
            ImageShape? image = ImageOf(context.TrainingSet.Schema.Feature!.Value);
            InfomorphicModelParameters? earlier = Earlier(
                first.Host,
                context.InitialPredictor,
                earlier => first.SettingsFor(DataShape.Unknown with { Earlier = earlier }, image)
            );
            (ClassMap? classes, ClassMap? ofValidation) = MapClasses(first.Host, context, earlier);
            first.ThrowIfNoImage(context.TrainingSet.Schema.Feature!.Value, image);

            // What may be missing is looked for before hours are spent on reading.
            DeviceChoice.LoadTorch(first._device, first._environment, channel);
            ComputeDevice device = DeviceChoice.Choose(
                first._device,
                first._environment,
                channel,
                () => TorchRuntime.CudaDeviceCount
            );

            (RowSource train, RowSource? validation, long left, RowSurvey survey) = Read(
                trainers,
                channel,
                context,
                first.SettingsFor(DataShape.Unknown with { Earlier = earlier?.Network }, image),
                classes,
                ofValidation
            );

            // Its networks with the classes that are new.
            TrainingResult[]? before = earlier is null
                ? null
                :
                [
                    .. earlier.Contents.Trained.Select(of =>
                        of with
                        {
                            Network = of.Network.WithClasses(classes!.ClassCount),
                            Optimizer = of.Network.ClassCount == classes!.ClassCount ? of.Optimizer : null,
                        }
                    ),
                ];
            if (earlier?.Contents.HasOptimizers is true && before!.All(of => of.Optimizer is null))
                channel.Info("The optimiser begins anew, since there are new classes.");
            string? suspicion = SuspicionOf(survey, context.TrainingSet.Schema.Weight?.Name);
            DataViewSchema.Column label = context.TrainingSet.Schema.Label!.Value;
            string[]? names = classes is null ? ClassNames.Of(label) : classes.Names;
            string[] doubts =
            [
                .. suspicion is null ? Array.Empty<string>() : [suspicion],
                .. DoubtsAboutClasses(survey, label.Name, names, before?[0].Network),
            ];
            foreach (string doubt in doubts)
                channel.Warning(doubt);
            var shape = new DataShape(train.RowCount, HasValidationRows: validation is not null, earlier?.Network);
            TrainingSettings[] settings = [.. trainers.Select(trainer => trainer.SettingsFor(shape, image))];
            first.ThrowIfDataDoNotFit(train, validation, earlier);
            if (first.ClassFactors(survey, label.Name, names) is float[] factors)
            {
                train = ClassWeightedRows.Of(train, factors);
                validation = validation is null ? null : ClassWeightedRows.Of(validation, factors);
            }

            // A trainer's networks one after another.
            IReadOnlyList<TrainingOutcome> outcomes = NetworkTrainer.TrainMany(
                train,
                validation,
                [
                    .. reports.SelectMany(
                        (report, i) => report.Begin(train, device, settings[i], before, suspicion, names)
                    ),
                ],
                device,
                left,
                earlier?.Encoding
            );
            var models = new (InfomorphicModelParameters?, Exception?)[reports.Length];
            int trained = 0;
            for (int i = 0; i < models.Length; i++)
            {
                (InfomorphicModelParameters? Model, Exception?) ended = reports[i]
                    .End(
                        [.. outcomes.Skip(trained).Take(settings[i].Networks)],
                        settings[i],
                        earlier is null ? survey.SkippedRows : earlier.History.SkippedRows + survey.SkippedRows,
                        doubts
                    );
                _ = ended.Model?.WithClassNames(classes?.Names, classes?.Values);
                models[i] = ended;
                trained += settings[i].Networks;
            }

            return models;
        }
        catch (OperationCanceledException exception) when (trainers.All(trainer => trainer.IsCancelled))
        {
            return [.. trainers.Select(_ => ((InfomorphicModelParameters?)null, (Exception?)exception))];
        }
        catch (ArgumentException exception) when (exception is not ArgumentOutOfRangeException)
        {
            throw first.Host.Except(exception, exception.Message);
        }
        finally
        {
            foreach (TrainingReport report in reports)
                report.Dispose();
        }
    }

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

    // The rows, the bytes of the budget that they leave, and what there is to say of the training rows.
    private static (RowSource Train, RowSource? Validation, long Left, RowSurvey Survey) Read(
        IReadOnlyList<InfomorphicTrainer> trainers,
        IChannel channel,
        TrainContext context,
        TrainingSettings settings,
        ClassMap? classes,
        ClassMap? ofValidation
    )
    {
        InfomorphicTrainer first = trainers[0];
        var plan = new MemoryPlan(first._memoryBudget, settings, trainers.Sum(trainer => trainer._settings.Networks));
        string label = context.TrainingSet.Schema.Label!.Value.Name;
        FirstReading train = ReadRows(
            context.TrainingSet,
            "training",
            (features, count) =>
            {
                first.ThrowIfTooLarge(plan, features, count, rows: 2, label);
                return plan.ForRows(features, count);
            },
            classes
        );
        RowSurvey survey = train.Survey;
        first.ThrowIfTooManyClasses(survey, label);
        first.ThrowIfTooLarge(plan, survey.FeatureCount, survey.ClassCount, survey.RowCount, label);
        FirstReading? validation = context.ValidationSet is RoleMappedData data
            ? ReadRows(data, "validation", (_, _) => plan.ForValidation(train), ofValidation)
            : null;
        (RowSource rows, RowSource? forValidation) = plan.Arrange(train, validation, message => channel.Info(message));
        long left = plan.ForRows(rows.FeatureCount, rows.ClassCount) - train.Bytes - (validation?.Bytes ?? 0);
        return (rows, forValidation, Math.Max(left, 0), survey);

        FirstReading ReadRows(RoleMappedData data, string purpose, Func<int, int, long> limit, ClassMap? map) =>
            DataViewReader.Read(
                first.Host,
                channel,
                data,
                purpose,
                () => CheckAlive(trainers),
                settings.MissingValues,
                limit,
                map
            );
    }

    // The shape of an image's features where the column has dimensions, as ExtractPixels gives them: channels × height ×
    // width or, interleaved, height × width × channels. Channels are the fewer.
    private static ImageShape? ImageOf(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType { IsKnownSize: true } vector)
            return null;
        return vector.Dimensions switch
        {
            [int height, int width] => new ImageShape(height, width),
            [int height, int width, int channels] when channels < height => new ImageShape(
                height,
                width,
                channels,
                Interleaved: true
            ),
            [int channels, int height, int width] => new ImageShape(height, width, channels),
            _ => null,
        };
    }

    private static string DescribeLayers(TrainingSettings settings)
    {
        IReadOnlyList<LayerSettings> layers = settings.HiddenLayers;
        if (layers.Count == 0)
            return "an output layer alone";
        return layers.Count == 1
            ? Describe(layers[0])
            : $"{layers.Count} hidden layers ({string.Join("; ", layers.Select(Describe))})";

        static string Describe(LayerSettings layer)
        {
            // How many neurons there are, and what they see, follows from the features, and is said when these are known.
            if (layer.HasAutomaticConnections)
                return "a hidden layer" + Hearing(layer);
            string number = string.Create(CultureInfo.InvariantCulture, $"{layer.Neurons}");
            string neurons = layer.Learns
                ? $"{number} hidden neurons"
                : $"an output layer over {number} fixed random neurons";
            string where = layer.Connections switch
            {
                LocalFieldSettings { SharesWeights: true } => " with weights shared over fields",
                LocalFieldSettings => " in each local field",
                RandomSubsetSettings subsets => string.Create(
                    CultureInfo.InvariantCulture,
                    $" on each of {subsets.Count} random subsets"
                ),
                _ => "",
            };
            return neurons + where + Hearing(layer);
        }

        static string Hearing(LayerSettings layer)
        {
            string context = layer.Context switch
            {
                { Kind: SignalKind.Layer } => " with feedback",
                null when layer.Learns => " without context",
                _ => "",
            };
            string lateral =
                layer.Learns && layer.LateralConnections is null
                    ? $"{(context.StartsWith(" with feedback", StringComparison.Ordinal) ? " and" : "")} without lateral input"
                    : "";
            return context + lateral;
        }
    }

    private bool IsCancelled => _cancellationToken.IsCancellationRequested;

    private void CheckAlive()
    {
        Host.CheckAlive();
        _cancellationToken.ThrowIfCancellationRequested();
    }

    // What trainers do together goes on for as long as one of them does.
    private static void CheckAlive(IReadOnlyList<InfomorphicTrainer> trainers)
    {
        trainers[0].Host.CheckAlive();
        foreach (InfomorphicTrainer trainer in trainers)
            if (!trainer.IsCancelled)
                return;
        trainers[0].CheckAlive();
    }

    // What trains on data of a shape.
    private TrainingSettings SettingsFor(DataShape data, ImageShape? image)
    {
        TrainingSettings settings = _options.ToTrainingSettings(Host, _seed, data with { Image = image });
        if (!data.HasValidationRows && settings.ValidationFraction == 0)
        {
            ThrowIfAsked(_options.EarlyStoppingRounds is not null, nameof(Options.EarlyStoppingRounds));
            ThrowIfAsked(_options.RestoreBestEpoch is true, nameof(Options.RestoreBestEpoch));
        }

        return settings with
        {
            Image = settings.Image ?? image,
        };

        void ThrowIfAsked(bool asked, string option)
        {
            if (asked)
                throw Host.Except(
                    $"{option} needs validation rows: use Fit(trainData, validationData), or set {nameof(Options.ValidationFraction)}."
                );
        }
    }

    private static InfomorphicModelParameters? Earlier(
        IHost host,
        IPredictor? predictor,
        Func<InfomorphicNetwork, TrainingSettings> settingsFor
    )
    {
        if (predictor is null)
            return null;
        if (predictor is not InfomorphicModelParameters earlier)
            throw host.Except(
                $"An infomorphic network can go on from another one, and not from a {predictor.GetType().Name}."
            );
        TrainingSettings settings = settingsFor(earlier.Network);
        if (settings.MissingValues == MissingValues.Indicate && earlier.Encoding.Substitutes is null)
            throw host.Except(
                $"The model to go on from was trained without missing values and does not know them: leave {nameof(Options.MissingValues)} at {MissingValues.Skip}, or train a new model."
            );
        if (earlier.Networks.Count != settings.Networks)
            throw host.Except(
                $"The model to go on from has {earlier.Networks.Count} networks, and {nameof(Options.NumberOfNetworks)} is {settings.Networks}."
            );
        if (NetworkState.DescribeDifference(earlier.Network, settings, earlier.Encoding) is string difference)
            throw host.Except(difference);
        return earlier;
    }

    // Keys of the same number may stand for other classes, where labels were mapped twice. Where training goes on from a model,
    // they are told by their names; else they have to be the same in both data.
    private static (ClassMap? Train, ClassMap? Validation) MapClasses(
        IHost host,
        TrainContext context,
        InfomorphicModelParameters? earlier
    )
    {
        DataViewSchema.Column label = context.TrainingSet.Schema.Label!.Value;
        DataViewSchema.Column? ofValidation = context.ValidationSet?.Schema.Label;
        if (earlier is not null)
        {
            var map = ClassMap.OfTraining(
                host,
                label,
                earlier.ClassNames,
                earlier.LabelValues,
                earlier.Network.ClassCount
            );
            return (map, ofValidation is DataViewSchema.Column other ? map.OfValidation(host, other) : null);
        }

        if (ofValidation is DataViewSchema.Column validation)
            ClassNames.ThrowIfOther(
                host,
                "validationData",
                validation,
                ClassNames.Of(validation),
                ClassNames.Of(label),
                "in the training data"
            );
        return (null, null);
    }
}
