using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Internal.Utilities;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

[assembly: LoadableClass(
    typeof(InfomorphicModelParameters),
    null,
    typeof(SignatureLoadModel),
    "Infomorphic Multiclass Executor",
    ModelFormat.LoaderSignature
)]

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The model that <see cref="InfomorphicTrainer"/> trains: a network of infomorphic neurons, how it was trained, and how
/// it scores rows. Immutable, and safe for any number of threads.
/// </summary>
/// <remarks>
/// Scores are one probability a class, which sum to 1. A row with an infinite feature, or with a missing one that the model does
/// not know how to replace (<see cref="MissingValues"/>), gets NaN for every class, and a missing predicted label. Scoring needs
/// no libtorch.
/// </remarks>
public sealed partial class InfomorphicModelParameters
    : ModelParametersBase<VBuffer<float>>,
        IValueMapper,
        ISingleCanSaveOnnx
{
    private const string RegistrationName = "InfomorphicMulticlassPredictor";

    private readonly ModelContents _contents;
    private readonly EnsembleScorer _scorer;
    private readonly VectorDataViewType _inputType;
    private readonly VectorDataViewType _outputType;

    internal InfomorphicModelParameters(IHostEnvironment environment, ModelContents contents)
        : base(environment, RegistrationName)
    {
        _contents = contents;
        Encoding = EncodingOf(contents);
        (_scorer, _inputType, _outputType) = Prepare(contents);
    }

    private InfomorphicModelParameters(IHostEnvironment environment, ModelLoadContext context)
        : base(environment, RegistrationName, context)
    {
        // *** Binary format ***
        // int: number of bytes of a float, read by the base
        // the rest: see ModelFormat
        _contents = ModelFormat.Read(Host, context);
        Encoding = EncodingOf(_contents);
        (_scorer, _inputType, _outputType) = Prepare(_contents);
    }

    /// <summary>
    /// The trained network: the weights of every source and the goal of every layer. Weights apply to raw features, encoded
    /// by <see cref="Encoding"/>. Of several networks it is the first.
    /// </summary>
    public InfomorphicNetwork Network => _contents.Network;

    /// <summary>What the network reads of a row: its features, and for those with knots the components of a curve.</summary>
    public FeatureEncoding Encoding { get; }

    /// <summary>All networks of the model, of one shape: one, or as many as the trainer was asked for.</summary>
    public IReadOnlyList<InfomorphicNetwork> Networks => _contents.Networks;

    /// <summary>
    /// What every epoch of the training came to: accuracies, goal values and the mean of every information atom, in
    /// bits. Of several networks it is that of the first.
    /// </summary>
    public TrainingHistory History => _contents.History;

    /// <summary>The history of each of the <see cref="Networks"/>.</summary>
    public IReadOnlyList<TrainingHistory> Histories => _contents.Histories;

    /// <summary>
    /// The settings of the training that gave the model. The number of threads, on which nothing depends, is not kept
    /// when a model is saved.
    /// </summary>
    public TrainingSettings TrainingSettings => _contents.Settings;

    /// <summary>How rows are scored.</summary>
    public ScoringSettings ScoringSettings => _contents.Scoring;

    internal EnsembleScorer Scorer => _scorer;

    /// <summary>
    /// The labels of the classes, for as long as they are known: a model is told by the transformer that it is trained or
    /// loaded with.
    /// </summary>
    internal string[]? ClassNames { get; private set; }

    /// <summary>What the <see cref="ClassNames"/> are the text of, where that is known.</summary>
    internal LabelValues? LabelValues { get; private set; }

    /// <summary>Tells the model what its classes are called.</summary>
    /// <param name="names">One name a class; null where they are not known.</param>
    /// <param name="values">What the names are the text of; null where that is not known.</param>
    internal InfomorphicModelParameters WithClassNames(string[]? names, LabelValues? values = null)
    {
        ClassNames ??= names;
        LabelValues ??= values;
        return this;
    }

    internal IHostEnvironment Environment => Host;

    DataViewType IValueMapper.InputType => _inputType;

    DataViewType IValueMapper.OutputType => _outputType;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.MulticlassClassification;

    /// <summary>The same network, scored in another way. Nothing is trained.</summary>
    /// <param name="settings">How to score rows.</param>
    /// <returns>A new model that shares the network with this one.</returns>
    /// <exception cref="ArgumentNullException">There are no settings.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The mode is unknown, or the number of samples is out of its range.</exception>
    public InfomorphicModelParameters WithScoring(ScoringSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        return new InfomorphicModelParameters(Host, _contents with { Scoring = settings }).WithClassNames(
            ClassNames,
            LabelValues
        );
    }

    /// <summary>
    /// Explains a network on labelled data, without training (of several the first, or the one that the settings say): what the sources of each neuron say about its output, in
    /// bits, which classes and rows it fires for, and its receptive field.
    /// </summary>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: a key with the model's classes.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to look; null for the training's batch size and otherwise the defaults.</param>
    /// <param name="cancellationToken">Cancels the explanation.</param>
    /// <returns>
    /// The explanation. Atoms are those of the last presentation with the label as context, counted by firing
    /// probability, averaged over batches of the training's size unless the settings say otherwise; see
    /// <see cref="NetworkInsight.Method"/>. Layers that passed on means in training do so again. Responses to classes and
    /// rows are those of scoring: the label is withheld and neurons pass on their mean output.
    /// </returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public NetworkInsight Explain(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        InsightSettings? settings = null,
        CancellationToken cancellationToken = default
    )
    {
        settings ??= new InsightSettings { BatchSize = TrainingSettings.BatchSize };
        settings.Validate();
        if (settings.Network >= Networks.Count)
            throw new ArgumentOutOfRangeException(
                nameof(settings),
                $"There is no network {settings.Network}: the model has {Networks.Count}, counted from 0."
            );
        InfomorphicNetwork network = Networks[settings.Network];
        InsightRows rows = ReadRows(
            network,
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            cancellationToken
        );
        return NetworkExplainer.Explain(
            network,
            rows.Rows,
            settings,
            rows.ClassNames,
            rows.Places,
            TrainingSettings.LayersThatPassOnMeans,
            Encoding,
            rows.FeatureNames,
            cancellationToken
        );
    }

    /// <summary>
    /// The neurons of an explained layer as a data view, a neuron a row: Neuron, Atoms (bits; the slots are named in the
    /// paper's notation, the annotation Method says what they are), ResidualEntropy, Entropy, MutualInformation and Goal
    /// (bits; NaN without a goal), ClassResponses (mean θ by class), MostTypicalRows, LeastTypicalRows (places in the data,
    /// left out where none were asked for) and ReceptiveField, its parts one after another.
    /// </summary>
    /// <param name="insight">The explanation.</param>
    /// <param name="layer">The layer; null for the first one.</param>
    /// <returns>The data view.</returns>
    /// <exception cref="ArgumentNullException">There is no explanation.</exception>
    public IDataView ToDataView(NetworkInsight insight, LayerInsight? layer = null)
    {
        ArgumentNullException.ThrowIfNull(insight);
        return InsightDataView.Create(Host, insight, layer ?? insight.Layers.First());
    }

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicModelParameters Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        ModelFormat.Check(context, ModelFormat.VersionInfo);
        return new InfomorphicModelParameters(environment, context);
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        base.SaveCore(ctx);
        ModelFormat.Write(ctx, _contents, isBinary: false);
    }

    ValueMapper<TSource, TDestination> IValueMapper.GetMapper<TSource, TDestination>()
    {
        Host.Check(typeof(TSource) == typeof(VBuffer<float>), "Features are vectors of single-precision numbers.");
        Host.Check(typeof(TDestination) == typeof(VBuffer<float>), "Scores are vectors of single-precision numbers.");
        return (ValueMapper<TSource, TDestination>)(Delegate)(ValueMapper<VBuffer<float>, VBuffer<float>>)Score;
    }

    bool ICanSaveOnnx.CanSaveOnnx(OnnxContext ctx) => CanSaveOnnx();

    /// <summary>Whether ML.NET's converter can write the model; a warning says why not.</summary>
    internal bool CanSaveOnnx()
    {
        string? obstacle = OnnxNetwork.Obstacle(Network, ScoringSettings);
        if (obstacle is null)
            return true;

        // ML.NET refuses with a sentence of its own, which does not say why.
        using IChannel channel = Host.Start(nameof(ICanSaveOnnx.CanSaveOnnx));
        channel.Warning(obstacle);
        return false;
    }

    // ML.NET's converter calls this; the outputs are the predicted label and the score, whatever they are called.
    bool ISingleCanSaveOnnx.SaveAsOnnx(OnnxContext ctx, string[] outputNames, string featureColumn)
    {
        Host.CheckValue(ctx, nameof(ctx));
        if (outputNames is not [string predictedLabel, string scores])
            throw Host.ExceptParam(nameof(outputNames), "A predicted label and scores are exported, nothing else.");
        ctx.CheckOpSetVersion(OnnxNetwork.MinimumOperatorSet, InfomorphicTrainer.LoadName);
        var graph = new ConverterGraph(ctx);
        OnnxNetwork.AddScores(graph, Networks, ScoringSettings, featureColumn, Encoding, scores);
        OnnxNetwork.AddKeys(graph, scores, predictedLabel);
        return true;
    }

    /// <summary>The contents as they are saved.</summary>
    internal ModelContents Contents => _contents;

    internal void SaveAsOnnx(Stream stream, DataViewSchema.Column scores, string features, string predictedLabel) =>
        OnnxFile.Write(
            stream,
            Networks,
            ScoringSettings,
            ClassLabels.Of(scores, Network.ClassCount),
            features,
            scores.Name,
            predictedLabel,
            Encoding
        );

    // No question here whether the user has cancelled: a context that was cancelled after training still scores.
    private void Score(in VBuffer<float> features, ref VBuffer<float> scores)
    {
        VBufferEditor<float> editor = VBufferEditor.Create(ref scores, Network.ClassCount);
        Score(in features, editor.Values);
        scores = editor.Commit();
    }

    /// <summary>Scores a row.</summary>
    /// <param name="features">The features.</param>
    /// <param name="probabilities">Receives one probability a class.</param>
    internal void Score(in VBuffer<float> features, Span<float> probabilities)
    {
        if (features.Length != Encoding.FeatureCount)
            throw Host.Except(
                $"The model was trained on {Encoding.FeatureCount} features, and the row has {features.Length}."
            );
        ReadOnlySpan<float> values = features.GetValues();
        if (Encoding.Substitutes is null && !FloatUtils.IsFinite(values))
            probabilities.Fill(float.NaN);
        else if (features.IsDense)
            _scorer.Score(values, probabilities);
        else
            _scorer.Score(features.GetIndices(), values, probabilities);
    }

    private static FeatureEncoding EncodingOf(ModelContents contents) =>
        contents.Encoding ?? FeatureEncoding.None(contents.Network.FeatureCount);

    private static (EnsembleScorer, VectorDataViewType, VectorDataViewType) Prepare(ModelContents contents) =>
        (
            new EnsembleScorer(contents.Networks, contents.Scoring, contents.Encoding),
            new VectorDataViewType(NumberDataViewType.Single, EncodingOf(contents).FeatureCount),
            new VectorDataViewType(NumberDataViewType.Single, contents.Network.ClassCount)
        );
}
