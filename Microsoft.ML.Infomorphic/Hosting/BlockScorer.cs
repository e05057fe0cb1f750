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
    private readonly Lazy<ScoredColumns> _columns;

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
        _columns = new Lazy<ScoredColumns>(FindColumns);
    }

    private BlockScorer(IHostEnvironment environment, BlockScorer template, IDataView source)
        : base(environment, template, source, RegistrationName)
    {
        _scorer = template._scorer;
        _columns = new Lazy<ScoredColumns>(FindColumns);
    }

    DataViewSchema IDataView.Schema => OutputSchema;

    DataViewRowCursor IDataView.GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand)
    {
        Host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        Random? order = CanShuffle ? rand : null;
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        if (!CanScoreBlocks(needed, out bool[] active, out IReadOnlyList<DataViewSchema.Column> inputs))
            return GetRowCursorCore(needed, order);
        return Cursor(Source.GetRowCursor(inputs, order), active, NetworkScorer.Helpers);
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
        if (!CanScoreBlocks(needed, out bool[] active, out IReadOnlyList<DataViewSchema.Column> inputs))
            return base.GetRowCursorSet(needed, n, rand);
        DataViewRowCursor[] sources = Source.GetRowCursorSet(inputs, n, rand);
        int helpers = sources.Length == 1 ? NetworkScorer.Helpers : 0;
        return [.. sources.Select(source => Cursor(source, active, helpers))];
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

    private ScoringCursor Cursor(DataViewRowCursor source, bool[] active, int helpers)
    {
        try
        {
            return new ScoringCursor(Host, _columns.Value, active, source, _scorer, helpers);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    // Whether a new column is asked for, and all that passes through may be kept for a while.
    private bool CanScoreBlocks(
        DataViewSchema.Column[] needed,
        out bool[] active,
        out IReadOnlyList<DataViewSchema.Column> inputs
    )
    {
        ScoredColumns columns = _columns.Value;
        active = new bool[OutputSchema.Count];
        var sources = new SortedDictionary<int, DataViewSchema.Column>();
        bool anyNew = false;
        bool canHold = true;
        foreach (DataViewSchema.Column column in needed)
        {
            Host.Check(column.Index < active.Length, "A column is not one of the scored data.");
            active[column.Index] = true;
            if (columns.SourceOf[column.Index] is DataViewSchema.Column source)
            {
                sources[source.Index] = source;
                canHold &= BufferedColumn.CanHold(source.Type);
            }
            else
            {
                anyNew = true;
            }
        }

        sources[columns.Features.Index] = columns.Features;
        inputs = [.. sources.Values];
        return anyNew && canHold;
    }

    private ScoredColumns FindColumns()
    {
        var sources = new DataViewSchema.Column?[OutputSchema.Count];
        int scores = -1;
        int predictedLabel = -1;
        for (int column = 0; column < sources.Length; column++)
        {
            int index = Bindings.MapColumnIndex(out bool isSource, column);
            if (isSource)
                sources[column] = Source.Schema[index];
            else if (index < Bindings.DerivedColumnCount)
                predictedLabel = column;
            else
                scores = column;
        }

        DataViewSchema.Column features = Bindings
            .RowMapper.GetDependenciesForNewColumns(Bindings.RowMapper.OutputSchema)
            .Single();
        return new ScoredColumns(OutputSchema, features, sources, scores, predictedLabel);
    }

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
