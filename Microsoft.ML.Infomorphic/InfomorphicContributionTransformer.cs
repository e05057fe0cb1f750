using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(InfomorphicContributionTransformer),
    null,
    typeof(SignatureLoadModel),
    "Infomorphic Contribution Transformer",
    InfomorphicContributionTransformer.LoaderSignature
)]
[assembly: LoadableClass(
    typeof(IRowMapper),
    typeof(InfomorphicContributionTransformer),
    null,
    typeof(SignatureLoadRowMapper),
    "Infomorphic Contribution Transformer",
    InfomorphicContributionTransformer.LoaderSignature
)]

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// Says of each row what its features contribute to the log-odds of its classes, in two columns. Safe for any number of threads.
/// </summary>
/// <remarks>
/// Contributions are <see cref="InfomorphicModelParameters.ExplainRow"/>'s, in nats. Of the predicted class
/// (<see cref="ContributionClasses.Predicted"/>) they are a vector with a slot a feature, named as the feature, and the base is one
/// number; of all classes a vector of classes × features, slots named "class: feature", and a base a class. The base and the
/// contributions of a class add up to ln(p / (1 − p)) of its score p. Of a binary model they are those of true, a slot a feature,
/// and add up with the base to the score. A row without scores has NaN for its contributions. No libtorch is needed.
/// </remarks>
public sealed class InfomorphicContributionTransformer : RowToRowTransformerBase, ITransformer
{
    internal const string LoaderSignature = "InfomorphicContribXfer";
    private const string ModelDirectory = "Model";

    private readonly string[] _classNames;

    internal InfomorphicContributionTransformer(
        IHostEnvironment environment,
        InfomorphicModelParameters model,
        string[] classNames,
        ContributionClasses classes,
        string featureColumn,
        string contributionColumn,
        string baseColumn
    )
        : base(environment.Register(nameof(InfomorphicContributionTransformer)))
    {
        Model = model;
        _classNames = classNames;
        Classes = classes;
        FeatureColumnName = featureColumn;
        ContributionColumnName = contributionColumn;
        BaseColumnName = baseColumn;
        _ = model.ContributionBase; // says now what is wrong with the model
    }

    private InfomorphicContributionTransformer(IHost host, ModelLoadContext context)
        : base(host)
    {
        // *** Binary format ***
        // int: of which classes
        // id of string: feature column
        // id of string: column of contributions
        // id of string: column of the base
        // id of string, for each class: its name
        // model: the network
        int classes = context.Reader.ReadInt32();
        FeatureColumnName = context.LoadNonEmptyString();
        ContributionColumnName = context.LoadNonEmptyString();
        BaseColumnName = context.LoadNonEmptyString();
        Classes = (ContributionClasses)classes;
        if (!Enum.IsDefined(Classes))
            throw host.ExceptDecode($"The file is damaged: contributions are of no classes with the number {classes}.");
        context.LoadModel<InfomorphicModelParameters, SignatureLoadModel>(
            host,
            out InfomorphicModelParameters model,
            ModelDirectory
        );
        Model = model;
        if (Classes == ContributionClasses.True && model.Network.ClassCount != LogOdds.ClassCount)
            throw host.ExceptDecode(
                $"The file is damaged: contributions are of true, and the model has {model.Network.ClassCount} classes."
            );
        _classNames = new string[model.Network.ClassCount];
        for (int i = 0; i < _classNames.Length; i++)
            _classNames[i] = context.LoadString();
        if (model.ObstacleToContributions is string obstacle)
            throw host.ExceptDecode(obstacle);
    }

    /// <summary>The model; of a binary one, that of its two classes.</summary>
    public InfomorphicModelParameters Model { get; }

    /// <summary>Of which classes contributions are given.</summary>
    public ContributionClasses Classes { get; }

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The name of the column of contributions.</summary>
    public string ContributionColumnName { get; }

    /// <summary>The name of the column of the base.</summary>
    public string BaseColumnName { get; }

    // The classes that contributions are asked of; null for the predicted one of each row.
    private int[]? Asked =>
        Classes switch
        {
            ContributionClasses.All => [.. Enumerable.Range(0, Model.Network.ClassCount)],
            ContributionClasses.True => [LogOdds.ClassOfTrue],
            _ => null,
        };

    private float[] Bases => [.. Model.ContributionBase.Select(value => (float)value)];

    private static VersionInfo VersionInfo =>
        new(
            modelSignature: "INFO CTR",
            verWrittenCur: 0x00010001,
            verReadableCur: 0x00010001,
            verWeCanReadBack: 0x00010001,
            loaderSignature: LoaderSignature,
            loaderAssemblyName: typeof(InfomorphicContributionTransformer).Assembly.GetName().Name
        );

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicContributionTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        context.CheckAtModel(VersionInfo);
        return new InfomorphicContributionTransformer(
            environment.Register(nameof(InfomorphicContributionTransformer)),
            context
        );
    }

    // Data that is saved with its transforms holds the mapper in place of the transformer, in the same format.
    internal static IRowMapper Create(
        IHostEnvironment environment,
        ModelLoadContext context,
        DataViewSchema inputSchema
    ) => Create(environment, context).MakeRowMapper(inputSchema);

    /// <summary>Adds the columns of contributions; whole views are read in blocks of rows, on all cores.</summary>
    /// <param name="input">The data.</param>
    /// <returns>The data with the columns.</returns>
    /// <exception cref="ArgumentNullException">There are no data.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing or does not fit the model.</exception>
    public new IDataView Transform(IDataView input)
    {
        var rows = (RowToRowMapperTransform)base.Transform(input);
        return new ContributionView(Host, rows, Model.ContributionScorer(Asked), Classes, Bases, FeatureColumnName);
    }

    // What a chain of transformers calls.
    IDataView ITransformer.Transform(IDataView input) => Transform(input);

    /// <inheritdoc/>
    protected override void SaveModel(ModelSaveContext ctx)
    {
        Host.CheckValue(ctx, nameof(ctx));
        ctx.CheckAtModel();
        ctx.SetVersionInfo(VersionInfo);
        ctx.Writer.Write((int)Classes);
        ctx.SaveNonEmptyString(FeatureColumnName);
        ctx.SaveNonEmptyString(ContributionColumnName);
        ctx.SaveNonEmptyString(BaseColumnName);
        foreach (string name in _classNames)
            ctx.SaveString(name);
        ctx.SaveModel(Model, ModelDirectory);
    }

    /// <inheritdoc/>
    protected override IRowMapper MakeRowMapper(DataViewSchema schema) => new Mapper(this, schema);

    private sealed class Mapper : MapperBase
    {
        private readonly InfomorphicContributionTransformer _parent;
        private readonly int _features;
        private readonly int _classes;
        private readonly DataViewSchema.Column _column;
        private readonly string[]? _featureNames;

        public Mapper(InfomorphicContributionTransformer parent, DataViewSchema schema)
            : base(parent.Host.Register(nameof(Mapper)), schema, parent)
        {
            _parent = parent;
            _features = parent.Model.Encoding.FeatureCount;
            _classes = parent.Model.Network.ClassCount;
            _column = InsightReader.FindFeatures(Host, nameof(schema), schema, parent.FeatureColumnName, _features);
            _featureNames = InsightReader.SlotNames(_column);
        }

        private bool HasAll => _parent.Classes == ContributionClasses.All;

        protected override DataViewSchema.DetachedColumn[] GetOutputColumnsCore()
        {
            var contributions = new DataViewSchema.Annotations.Builder();
            var bases = new DataViewSchema.Annotations.Builder();
            if (HasAll)
            {
                contributions.AddSlotNames(
                    _classes * _features,
                    (ref VBuffer<ReadOnlyMemory<char>> names) =>
                        Set(
                            ref names,
                            _classes * _features,
                            i =>
                                $"{_parent._classNames[i / _features]}: {FeatureNames.Of(_featureNames, i % _features)}"
                        )
                );
                bases.AddSlotNames(
                    _classes,
                    (ref VBuffer<ReadOnlyMemory<char>> names) => Set(ref names, _classes, k => _parent._classNames[k])
                );
            }
            else if (_featureNames is not null)
            {
                contributions.AddSlotNames(
                    _features,
                    (ref VBuffer<ReadOnlyMemory<char>> names) => Set(ref names, _features, i => _featureNames[i])
                );
            }

            return
            [
                new DataViewSchema.DetachedColumn(
                    _parent.ContributionColumnName,
                    HasAll
                        ? new VectorDataViewType(NumberDataViewType.Single, _classes, _features)
                        : new VectorDataViewType(NumberDataViewType.Single, _features),
                    contributions.ToAnnotations()
                ),
                new DataViewSchema.DetachedColumn(
                    _parent.BaseColumnName,
                    HasAll ? new VectorDataViewType(NumberDataViewType.Single, _classes) : NumberDataViewType.Single,
                    bases.ToAnnotations()
                ),
            ];
        }

        protected override Delegate MakeGetter(
            DataViewRow input,
            int iinfo,
            Func<int, bool> activeOutput,
            out Action? disposer
        )
        {
            disposer = null;
            float[] bases = _parent.Bases;
            ValueGetter<VBuffer<float>> getFeatures = input.GetGetter<VBuffer<float>>(_column);
            VBuffer<float> features = default;
            float[] dense = new float[_features];
            float[] scores = new float[_classes];
            if (iinfo == 0)
            {
                int[]? classes = _parent.Asked;
                return (ValueGetter<VBuffer<float>>)(
                    (ref VBuffer<float> contributions) =>
                    {
                        getFeatures(ref features);
                        features.CopyTo(dense);
                        VBufferEditor<float> editor = VBufferEditor.Create(
                            ref contributions,
                            (classes?.Length ?? 1) * _features
                        );
                        _parent.Model.Contribute(dense, classes, editor.Values, scores);
                        contributions = editor.Commit();
                    }
                );
            }

            if (HasAll)
                return (ValueGetter<VBuffer<float>>)(
                    (ref VBuffer<float> values) =>
                    {
                        VBufferEditor<float> editor = VBufferEditor.Create(ref values, _classes);
                        bases.CopyTo(editor.Values);
                        values = editor.Commit();
                    }
                );
            return (ValueGetter<float>)(
                (ref float value) =>
                {
                    getFeatures(ref features);
                    features.CopyTo(dense);
                    _parent.Model.Scorer.Score(dense, scores);
                    value = ContributionView.BaseOf(_parent.Classes, bases, scores);
                }
            );
        }

        protected override Func<int, bool> GetDependenciesCore(Func<int, bool> activeOutput) =>
            column => (activeOutput(0) || activeOutput(1)) && column == _column.Index;

        protected override void SaveModel(ModelSaveContext ctx) => _parent.SaveModel(ctx);

        private static void Set(ref VBuffer<ReadOnlyMemory<char>> names, int count, Func<int, string> name)
        {
            VBufferEditor<ReadOnlyMemory<char>> editor = VBufferEditor.Create(ref names, count);
            for (int i = 0; i < count; i++)
                editor.Values[i] = name(i).AsMemory();
            names = editor.Commit();
        }
    }
}
