using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Internal.Utilities;
using Microsoft.ML.Runtime;
using Newtonsoft.Json.Linq;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// ML.NET's scorer of multiclass models, with cursors of its own: they score blocks of rows and not one row at a time.
/// Schema, annotations, single rows and what is saved are as in ML.NET's.
/// </summary>
internal sealed class BlockScorer : PredictedLabelScorerBase, IDataView
{
    private const string RegistrationName = "InfomorphicBlockScore";

    private readonly EnsembleScorer _scorer;
    private readonly Lazy<BlockCursors> _cursors;

    /// <summary>Creates the scorer from which those of data are made.</summary>
    /// <param name="environment">The environment.</param>
    /// <param name="scorer">What scores.</param>
    /// <param name="mapper">What scores single rows.</param>
    /// <param name="trainSchema">The schema of the training data, with its roles.</param>
    /// <param name="scoreColumn">The name of the column of scores.</param>
    /// <param name="predictedLabelColumn">The name of the column of predicted labels.</param>
    public BlockScorer(
        IHostEnvironment environment,
        EnsembleScorer scorer,
        ISchemaBoundMapper mapper,
        RoleMappedSchema trainSchema,
        string scoreColumn,
        string predictedLabelColumn
    )
        : base(
            new MulticlassClassificationScorer.Arguments(),
            environment,
            new EmptyDataView(environment, trainSchema.Schema),
            WrapIfNeeded(null, environment, mapper, trainSchema),
            trainSchema,
            RegistrationName,
            AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification,
            scoreColumn,
            type =>
                type is VectorDataViewType { IsKnownSize: true } vector && vector.ItemType == NumberDataViewType.Single,
            (type, _) => new KeyDataViewType(typeof(uint), ((VectorDataViewType)type).Size),
            predictedLabelColumn
        )
    {
        _scorer = scorer;
        _cursors = new Lazy<BlockCursors>(() => new BlockCursors(Host, Source, FindColumns(), _scorer));
    }

    private BlockScorer(IHostEnvironment environment, BlockScorer template, IDataView source)
        : base(environment, template, source, RegistrationName)
    {
        _scorer = template._scorer;
        _cursors = new Lazy<BlockCursors>(() => new BlockCursors(Host, Source, FindColumns(), _scorer));
    }

    DataViewSchema IDataView.Schema => OutputSchema;

    DataViewRowCursor IDataView.GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand)
    {
        Host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        Random? order = CanShuffle ? rand : null;
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return _cursors.Value.TryCursor(needed, order) ?? GetRowCursorCore(needed, order);
    }

    /// <summary>As many cursors as the source gives; each scores on the thread that moves it, a single one on all.</summary>
    public override DataViewRowCursor[] GetRowCursorSet(
        IEnumerable<DataViewSchema.Column> columnsNeeded,
        int n,
        Random? rand = null
    )
    {
        Host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return _cursors.Value.TryCursors(needed, n, rand) ?? base.GetRowCursorSet(needed, n, rand);
    }

    /// <inheritdoc/>
    protected override IDataTransform ApplyToDataCore(IHostEnvironment env, IDataView newSource) =>
        new BlockScorer(env, this, newSource);

    // Without its data a scorer is ML.NET's own, and is loaded as such.
    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(GetVersionInfo(null));
        base.SaveCore(ctx);
    }

    /// <inheritdoc/>
    protected override JToken PredictedLabelPfa(string[] mapperOutputs) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override Delegate GetPredictedLabelGetter(DataViewRow output, out Delegate scoreGetter)
    {
        var getScore = output.GetGetter<VBuffer<float>>(output.Schema[Bindings.ScoreColumnIndex]);
        long position = -1;
        VBuffer<float> score = default;
        scoreGetter =
            (ValueGetter<VBuffer<float>>)(
                (ref VBuffer<float> value) =>
                {
                    EnsureCachedPosition(ref position, ref score, output, getScore);
                    score.CopyTo(ref value);
                }
            );
        return (ValueGetter<uint>)(
            (ref uint value) =>
            {
                EnsureCachedPosition(ref position, ref score, output, getScore);
                value = (uint)(MathUtils.ArgMax(score.GetValues()) + 1);
            }
        );
    }

    private ScoredColumns FindColumns()
    {
        var sources = new DataViewSchema.Column?[OutputSchema.Count];
        int predictedLabel = -1;
        for (int column = 0; column < sources.Length; column++)
        {
            int index = Bindings.MapColumnIndex(out bool isSource, column);
            if (isSource)
                sources[column] = Source.Schema[index];
            else if (index < Bindings.DerivedColumnCount)
                predictedLabel = column;
        }

        DataViewSchema.Column features = Bindings
            .RowMapper.GetDependenciesForNewColumns(Bindings.RowMapper.OutputSchema)
            .Single();
        return new ScoredColumns(
            OutputSchema,
            features,
            sources,
            (column, place) =>
                column == predictedLabel
                    ? (ValueGetter<uint>)((ref uint label) => GetPredictedLabel(place(), ref label))
                    : (ValueGetter<VBuffer<float>>)((ref VBuffer<float> values) => GetScores(place(), ref values)),
            ReportsRows: true
        );
    }

    private static void GetScores((ScoringBlock Block, int Row) place, ref VBuffer<float> scores)
    {
        Span<float> probabilities = place.Block.Probabilities(place.Row);
        VBufferEditor<float> editor = VBufferEditor.Create(ref scores, probabilities.Length);
        probabilities.CopyTo(editor.Values);
        scores = editor.Commit();
    }

    // Key values begin at 1; 0 is missing.
    private static void GetPredictedLabel((ScoringBlock Block, int Row) place, ref uint label) =>
        label = (uint)(MathUtils.ArgMax(place.Block.Probabilities(place.Row)) + 1);

    // Private in ML.NET, and publicised references leave private what is private.
    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "WrapIfNeeded")]
    private static extern ISchemaBoundMapper WrapIfNeeded(
        MulticlassClassificationScorer? type,
        IHostEnvironment env,
        ISchemaBoundMapper mapper,
        RoleMappedSchema trainSchema
    );

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "GetVersionInfo")]
    private static extern VersionInfo GetVersionInfo(MulticlassClassificationScorer? type);
}
