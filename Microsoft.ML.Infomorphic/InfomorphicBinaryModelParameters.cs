using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

[assembly: LoadableClass(
    typeof(InfomorphicBinaryModelParameters),
    null,
    typeof(SignatureLoadModel),
    "Infomorphic Binary Executor",
    ModelFormat.BinaryLoaderSignature
)]

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// The model that <see cref="InfomorphicBinaryTrainer"/> trains: a network of infomorphic neurons with the classes false and
/// true, and what it says of a row as one score and one probability. Immutable, and safe for any number of threads.
/// </summary>
/// <remarks>
/// The score is ln(p₁ / p₀), the log-odds of true in nats, within ±87.3; the probability is p₁, and calibrated unless
/// <see cref="ScoringSettings"/> say otherwise. A row with an infinite feature, or with a missing one that the model does not know
/// how to replace (<see cref="MissingValues"/>), gets NaN for both. Scoring needs no libtorch.
/// </remarks>
public sealed class InfomorphicBinaryModelParameters
    : ModelParametersBase<float>,
        IValueMapperDist,
        IDistPredictorProducing<float, float>,
        ISingleCanSaveOnnx,
        ICalculateFeatureContribution,
        IFeatureContributionMapper
{
    private const string RegistrationName = "InfomorphicBinaryPredictor";

    internal InfomorphicBinaryModelParameters(IHostEnvironment environment, InfomorphicModelParameters twoClasses)
        : base(environment, RegistrationName)
    {
        TwoClasses = twoClasses.WithClassNames([.. ClassNames.OfBoolean]);
    }

    private InfomorphicBinaryModelParameters(IHostEnvironment environment, ModelLoadContext context)
        : base(environment, RegistrationName, context)
    {
        // *** Binary format ***
        // int: number of bytes of a float, read by the base
        // the rest: see ModelFormat
        ModelContents contents = ModelFormat.Read(Host, context);
        if (contents.Network.ClassCount != LogOdds.ClassCount)
            throw Host.ExceptDecode(
                $"The infomorphic model in this file is damaged: a binary classifier has 2 classes, and its network has {contents.Network.ClassCount}."
            );
        TwoClasses = new InfomorphicModelParameters(Host, contents).WithClassNames([.. ClassNames.OfBoolean]);
    }

    /// <summary>
    /// The same networks as a model of the two classes "False" and "True", with a probability each: for all that takes a
    /// multiclass model.
    /// </summary>
    public InfomorphicModelParameters TwoClasses { get; }

    /// <inheritdoc cref="InfomorphicModelParameters.Network"/>
    public InfomorphicNetwork Network => TwoClasses.Network;

    /// <inheritdoc cref="InfomorphicModelParameters.Networks"/>
    public IReadOnlyList<InfomorphicNetwork> Networks => TwoClasses.Networks;

    /// <inheritdoc cref="InfomorphicModelParameters.Encoding"/>
    public FeatureEncoding Encoding => TwoClasses.Encoding;

    /// <inheritdoc cref="InfomorphicModelParameters.History"/>
    public TrainingHistory History => TwoClasses.History;

    /// <inheritdoc cref="InfomorphicModelParameters.Histories"/>
    public IReadOnlyList<TrainingHistory> Histories => TwoClasses.Histories;

    /// <inheritdoc cref="InfomorphicModelParameters.TrainingSettings"/>
    public TrainingSettings TrainingSettings => TwoClasses.TrainingSettings;

    /// <inheritdoc cref="InfomorphicModelParameters.ScoringSettings"/>
    public ScoringSettings ScoringSettings => TwoClasses.ScoringSettings;

    /// <summary>What ML.NET's own <c>CalculateFeatureContribution</c> takes: contributions to the score, the log-odds of true.</summary>
    public FeatureContributionCalculator FeatureContributionCalculator => new(this);

    internal IHostEnvironment Environment => Host;

    DataViewType IValueMapper.InputType => ((IValueMapper)TwoClasses).InputType;

    DataViewType IValueMapper.OutputType => NumberDataViewType.Single;

    DataViewType IValueMapperDist.DistType => NumberDataViewType.Single;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.BinaryClassification;

    /// <inheritdoc cref="InfomorphicModelParameters.WithScoring"/>
    public InfomorphicBinaryModelParameters WithScoring(ScoringSettings settings) =>
        new(Host, TwoClasses.WithScoring(settings));

    /// <summary>
    /// Explains the network on labelled data, without training, as that of the two classes: see
    /// <see cref="InfomorphicModelParameters.Explain"/>.
    /// </summary>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>, or a key with two classes, false the first.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to look; null for the training's batch size and otherwise the defaults.</param>
    /// <param name="cancellationToken">Cancels the explanation.</param>
    /// <returns>The explanation, with the classes "False" and "True".</returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public NetworkInsight Explain(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        InsightSettings? settings = null,
        CancellationToken cancellationToken = default
    ) =>
        TwoClasses.Explain(
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            settings,
            cancellationToken
        );

    /// <summary>
    /// Ranks the features by what the model learns of the label from them, in bits, without training: see
    /// <see cref="InfomorphicModelParameters.RankFeatures"/>.
    /// </summary>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>, or a key with two classes, false the first.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="settings">How to rank; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the ranking.</param>
    /// <returns>The features, the most informative first, with the classes "False" and "True".</returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or a setting is out of its range.</exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows are valid.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public FeatureRanking RankFeatures(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        FeatureRankingSettings? settings = null,
        CancellationToken cancellationToken = default
    ) =>
        TwoClasses.RankFeatures(
            data,
            labelColumnName,
            featureColumnName,
            exampleWeightColumnName,
            settings,
            cancellationToken
        );

    /// <summary>
    /// Says how good the scores are on labelled data, at the threshold 0: see <see cref="InfomorphicModelParameters.Assess"/>.
    /// </summary>
    /// <param name="data">Labelled data that was not trained on, its features prepared as in training.</param>
    /// <param name="labelColumnName">The label column: <see cref="bool"/>, or a key with two classes, false the first.</param>
    /// <param name="featureColumnName">The feature column: a vector of <see cref="float"/>.</param>
    /// <param name="exampleWeightColumnName">The column of positive weights of the rows, or null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The quality, with the classes "False" and "True".</returns>
    /// <exception cref="ArgumentNullException">There is no data, or a name is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ModelQuality Assess(
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string? exampleWeightColumnName = null,
        CancellationToken cancellationToken = default
    ) => TwoClasses.Assess(data, labelColumnName, featureColumnName, exampleWeightColumnName, cancellationToken);

    /// <summary>
    /// Says why a row has its score: the base and the contributions of the class 1, true, add up to it; those of the class 0, false,
    /// are the same with the other sign. See <see cref="InfomorphicModelParameters.ExplainRow"/>.
    /// </summary>
    /// <param name="features">The row: raw features, as many as the model was trained on.</param>
    /// <returns>The probabilities of false and true, base and contributions; NaN for a row without a score.</returns>
    /// <exception cref="ArgumentException">The number of features is another one.</exception>
    /// <exception cref="InvalidOperationException">
    /// Scores jump: the model is not scored by mean outputs (<see cref="WithScoring"/>), or has neurons that fire by a step.
    /// </exception>
    public RowExplanation ExplainRow(ReadOnlySpan<float> features) => TwoClasses.ExplainRow(features);

    ValueMapper<TSrc, VBuffer<float>> IFeatureContributionMapper.GetFeatureContributionMapper<TSrc, TDst>(
        int top,
        int bottom,
        bool normalize
    ) => TwoClasses.ContributionMapper<TSrc>(LogOdds.ClassOfTrue, top, bottom, normalize);

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicBinaryModelParameters Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        ModelFormat.Check(context, ModelFormat.BinaryVersionInfo);
        return new InfomorphicBinaryModelParameters(environment, context);
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        base.SaveCore(ctx);
        ModelFormat.Write(ctx, TwoClasses.Contents, isBinary: true);
    }

    ValueMapper<TSource, TDestination> IValueMapper.GetMapper<TSource, TDestination>()
    {
        CheckTypes<TSource, TDestination>();
        return (ValueMapper<TSource, TDestination>)
            (Delegate)
                (ValueMapper<VBuffer<float>, float>)(
                    (in VBuffer<float> features, ref float score) => (score, _) = Score(in features)
                );
    }

    ValueMapper<TSource, TDestination, TDistribution> IValueMapperDist.GetMapper<TSource, TDestination, TDistribution>()
    {
        CheckTypes<TSource, TDestination>();
        Host.Check(typeof(TDistribution) == typeof(float), "Probabilities are single-precision numbers.");
        return (ValueMapper<TSource, TDestination, TDistribution>)
            (Delegate)
                (ValueMapper<VBuffer<float>, float, float>)(
                    (in VBuffer<float> features, ref float score, ref float probability) =>
                        (score, probability) = Score(in features)
                );
    }

    bool ICanSaveOnnx.CanSaveOnnx(OnnxContext ctx) => TwoClasses.CanSaveOnnx();

    // ML.NET's converter calls this, and derives the predicted label from the score itself.
    bool ISingleCanSaveOnnx.SaveAsOnnx(OnnxContext ctx, string[] outputNames, string featureColumn)
    {
        Host.CheckValue(ctx, nameof(ctx));
        if (outputNames is not [_, string score, string probability])
            throw Host.ExceptParam(
                nameof(outputNames),
                "A predicted label, a score and a probability are exported, nothing else."
            );
        ctx.CheckOpSetVersion(OnnxNetwork.MinimumOperatorSet, InfomorphicBinaryTrainer.LoadName);
        OnnxNetwork.AddLogOdds(
            new ConverterGraph(ctx),
            Networks,
            ScoringSettings,
            featureColumn,
            new BinaryOutputs(score, probability),
            Encoding,
            keepColumn: true
        );
        return true;
    }

    internal void SaveAsOnnx(Stream stream, string features, float threshold) =>
        OnnxFile.WriteBinary(
            stream,
            Networks,
            ScoringSettings,
            features,
            new BinaryOutputs(DefaultColumnNames.Score, DefaultColumnNames.Probability),
            DefaultColumnNames.PredictedLabel,
            threshold,
            Encoding
        );

    private (float Score, float Probability) Score(in VBuffer<float> features)
    {
        Span<float> probabilities = stackalloc float[LogOdds.ClassCount];
        TwoClasses.Score(in features, probabilities);
        return (LogOdds.Of(probabilities[0], probabilities[1]), probabilities[1]);
    }

    private void CheckTypes<TSource, TDestination>()
    {
        Host.Check(typeof(TSource) == typeof(VBuffer<float>), "Features are vectors of single-precision numbers.");
        Host.Check(typeof(TDestination) == typeof(float), "Scores are single-precision numbers.");
    }
}
