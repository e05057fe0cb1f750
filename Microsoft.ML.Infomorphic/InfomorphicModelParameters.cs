using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Learning;
using Microsoft.ML.Internal.Utilities;
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
/// Scores are one probability a class, which sum to 1. A row with a missing or an infinite feature gets NaN for every
/// class, and a missing predicted label. Scoring needs no libtorch.
/// </remarks>
public sealed class InfomorphicModelParameters : ModelParametersBase<VBuffer<float>>, IValueMapper
{
    private const string RegistrationName = "InfomorphicMulticlassPredictor";

    private readonly ModelContents _contents;
    private readonly NetworkScorer _scorer;
    private readonly VectorDataViewType _inputType;
    private readonly VectorDataViewType _outputType;

    internal InfomorphicModelParameters(IHostEnvironment environment, ModelContents contents)
        : base(environment, RegistrationName)
    {
        _contents = contents;
        (_scorer, _inputType, _outputType) = Prepare(contents);
    }

    private InfomorphicModelParameters(IHostEnvironment environment, ModelLoadContext context)
        : base(environment, RegistrationName, context)
    {
        // *** Binary format ***
        // int: number of bytes of a float, read by the base
        // the rest: see ModelFormat
        _contents = ModelFormat.Read(Host, context);
        (_scorer, _inputType, _outputType) = Prepare(_contents);
    }

    /// <summary>
    /// The trained network: the weights of every source and the goal of every layer. Weights apply to raw features.
    /// </summary>
    public InfomorphicNetwork Network => _contents.Network;

    /// <summary>
    /// What every epoch of the training came to: accuracies, goal values and the mean of every information atom, in
    /// bits.
    /// </summary>
    public TrainingHistory History => _contents.History;

    /// <summary>
    /// The settings of the training that gave the model. The number of threads, on which nothing depends, is not kept
    /// when a model is saved.
    /// </summary>
    public LearningSettings TrainingSettings => _contents.Settings;

    /// <summary>How rows are scored.</summary>
    public ScoringSettings ScoringSettings => _contents.Scoring;

    internal NetworkScorer Scorer => _scorer;

    DataViewType IValueMapper.InputType => _inputType;

    DataViewType IValueMapper.OutputType => _outputType;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.MulticlassClassification;

    /// <summary>The same network, scored in another way. Nothing is trained.</summary>
    /// <param name="settings">How to score rows.</param>
    /// <returns>A new model that shares the network with this one.</returns>
    /// <exception cref="ArgumentNullException">There are no settings.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The mode is unknown, or the number of samples is not positive.</exception>
    public InfomorphicModelParameters WithScoring(ScoringSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!Enum.IsDefined(settings.Mode))
            throw new ArgumentOutOfRangeException(nameof(settings), settings.Mode, "There is no such scoring mode.");
        if (settings.Samples < 1)
            throw new ArgumentOutOfRangeException(
                nameof(settings),
                settings.Samples,
                "The number of samples must be at least 1."
            );
        return new InfomorphicModelParameters(Host, _contents with { Scoring = settings });
    }

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicModelParameters Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        context.CheckAtModel(ModelFormat.VersionInfo);
        return new InfomorphicModelParameters(environment, context);
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        base.SaveCore(ctx);
        ModelFormat.Write(ctx, _contents);
    }

    ValueMapper<TSource, TDestination> IValueMapper.GetMapper<TSource, TDestination>()
    {
        Host.Check(typeof(TSource) == typeof(VBuffer<float>), "Features are vectors of single-precision numbers.");
        Host.Check(typeof(TDestination) == typeof(VBuffer<float>), "Scores are vectors of single-precision numbers.");
        return (ValueMapper<TSource, TDestination>)(Delegate)(ValueMapper<VBuffer<float>, VBuffer<float>>)Score;
    }

    // No question here whether the user has cancelled: a context that was cancelled after training still scores.
    private void Score(in VBuffer<float> features, ref VBuffer<float> scores)
    {
        if (features.Length != Network.FeatureCount)
            throw Host.Except(
                $"The model was trained on {Network.FeatureCount} features, and the row has {features.Length}."
            );
        VBufferEditor<float> editor = VBufferEditor.Create(ref scores, Network.ClassCount);
        ReadOnlySpan<float> values = features.GetValues();
        if (!FloatUtils.IsFinite(values))
            editor.Values.Fill(float.NaN);
        else if (features.IsDense)
            _scorer.Score(values, editor.Values);
        else
            _scorer.Score(features.GetIndices(), values, editor.Values);
        scores = editor.Commit();
    }

    private static (NetworkScorer, VectorDataViewType, VectorDataViewType) Prepare(ModelContents contents) =>
        (
            new NetworkScorer(contents.Network, contents.Scoring),
            new VectorDataViewType(NumberDataViewType.Single, contents.Network.FeatureCount),
            new VectorDataViewType(NumberDataViewType.Single, contents.Network.ClassCount)
        );
}
