using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// ML.NET's view of data with columns of contributions, with cursors of its own: they look at blocks of rows and not at one row at
/// a time. Schema, annotations, single rows and what is saved are as in ML.NET's.
/// </summary>
internal sealed class ContributionView : IDataTransform, ITransformTemplate
{
    private readonly IHost _host;
    private readonly RowToRowMapperTransform _rows;
    private readonly ContributionScorer _scorer;
    private readonly ContributionClasses _classes;
    private readonly float[] _bases;
    private readonly string _featureColumn;
    private readonly BlockCursors _cursors;

    /// <summary>Looks at data.</summary>
    /// <param name="host">Where cursors report.</param>
    /// <param name="rows">ML.NET's view, whose last columns are contributions and bases.</param>
    /// <param name="scorer">What finds contributions.</param>
    /// <param name="classes">Of which classes they are.</param>
    /// <param name="bases">The base of each class.</param>
    /// <param name="featureColumn">The feature column.</param>
    public ContributionView(
        IHost host,
        RowToRowMapperTransform rows,
        ContributionScorer scorer,
        ContributionClasses classes,
        float[] bases,
        string featureColumn
    )
    {
        (_host, _rows, _scorer, _classes, _bases, _featureColumn) = (host, rows, scorer, classes, bases, featureColumn);
        DataViewSchema source = rows.Source.Schema;
        var columns = new ScoredColumns(
            rows.OutputSchema,
            source[featureColumn],
            [
                .. rows.OutputSchema.Select(column =>
                    column.Index < source.Count ? source[column.Index] : default(DataViewSchema.Column?)
                ),
            ],
            (column, place) => column == source.Count ? ContributionsAt(place) : BaseAt(place),
            ReportsRows: false
        );
        _cursors = new BlockCursors(host, rows.Source, columns, scorer);
    }

    /// <inheritdoc/>
    public IDataView Source => _rows.Source;

    /// <inheritdoc/>
    public DataViewSchema Schema => _rows.OutputSchema;

    /// <inheritdoc/>
    public bool CanShuffle => _rows.CanShuffle;

    /// <inheritdoc/>
    public long? GetRowCount() => _rows.GetRowCount();

    /// <inheritdoc/>
    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        _host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return _cursors.TryCursor(needed, CanShuffle ? rand : null) ?? _rows.GetRowCursor(needed, rand);
    }

    /// <inheritdoc/>
    public DataViewRowCursor[] GetRowCursorSet(
        IEnumerable<DataViewSchema.Column> columnsNeeded,
        int n,
        Random? rand = null
    )
    {
        _host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return _cursors.TryCursors(needed, n, CanShuffle ? rand : null) ?? _rows.GetRowCursorSet(needed, n, rand);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)_rows).Save(ctx);

    IDataTransform ITransformTemplate.ApplyToData(IHostEnvironment env, IDataView newSource) =>
        new ContributionView(
            _host,
            (RowToRowMapperTransform)((ITransformTemplate)_rows).ApplyToData(env, newSource),
            _scorer,
            _classes,
            _bases,
            _featureColumn
        );

    private ValueGetter<VBuffer<float>> ContributionsAt(Func<(ScoringBlock Block, int Row)> place) =>
        (ref VBuffer<float> contributions) =>
        {
            (ScoringBlock block, int row) = place();
            int count = _scorer.NumbersPerRow;
            VBufferEditor<float> editor = VBufferEditor.Create(ref contributions, count);
            block.Explained.AsSpan(row * count, count).CopyTo(editor.Values);
            contributions = editor.Commit();
        };

    private Delegate BaseAt(Func<(ScoringBlock Block, int Row)> place)
    {
        if (_classes == ContributionClasses.All)
            return (ValueGetter<VBuffer<float>>)(
                (ref VBuffer<float> values) =>
                {
                    VBufferEditor<float> editor = VBufferEditor.Create(ref values, _bases.Length);
                    _bases.CopyTo(editor.Values);
                    values = editor.Commit();
                }
            );
        return (ValueGetter<float>)(
            (ref float value) =>
            {
                (ScoringBlock block, int row) = place();
                value = BaseOf(_classes, _bases, block.Probabilities(row));
            }
        );
    }

    /// <summary>The base of the one class that is asked for.</summary>
    /// <param name="classes">True, or the predicted class.</param>
    /// <param name="bases">The base of each class.</param>
    /// <param name="scores">The scores of a row.</param>
    public static float BaseOf(ContributionClasses classes, float[] bases, ReadOnlySpan<float> scores) =>
        classes == ContributionClasses.True ? bases[LogOdds.ClassOfTrue]
        : float.IsNaN(scores[0]) ? float.NaN
        : bases[TensorPrimitives.IndexOfMax(scores)];
}
