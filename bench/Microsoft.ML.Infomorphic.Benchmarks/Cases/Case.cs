using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Tabular;

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

/// <summary>Rows to train on and rows to test on, and how the trainer is to be set.</summary>
/// <param name="Name">The name of the case.</param>
/// <param name="Train">Rows with Features and Label.</param>
/// <param name="Test">Other rows, with the same keys.</param>
/// <param name="Options">The trainer's options.</param>
/// <param name="Rare">The class whose recall is shown, as a key; null for none.</param>
/// <param name="Baseline">The trainer of straight lines that ours is set beside.</param>
internal sealed record Case(
    string Name,
    IDataView Train,
    IDataView Test,
    Func<InfomorphicTrainer.Options> Options,
    uint? Rare = null,
    string Baseline = Contestant.Linear
)
{
    /// <summary>A case of generated rows, whose labels are keys in the order of their values.</summary>
    public static Case Of(
        string name,
        IEnumerable<CaseRow> train,
        IEnumerable<CaseRow> test,
        string? rare = null,
        Func<InfomorphicTrainer.Options>? options = null
    )
    {
        var ml = new MLContext(1);
        CaseRow[] rows = [.. train];
        CaseRow[] others = [.. test];
        bool isText = rows[0].Text.Length > 0;
        var schema = SchemaDefinition.Create(typeof(CaseRow));
        schema[nameof(CaseRow.Features)].ColumnType = new VectorDataViewType(
            NumberDataViewType.Single,
            rows[0].Features.Length
        );
        IEstimator<ITransformer> preparation = ml.Transforms.Conversion.MapValueToKey(
            nameof(CaseRow.Label),
            keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
        );
        // A class may have no row to train on: keys are those of all rows.
        ITransformer keys = preparation.Fit(View([.. rows, .. others]));
        IDataView prepared = keys.Transform(View(rows));
        ITransformer? words = isText
            ? ml.Transforms.Text.FeaturizeText(nameof(CaseRow.Features), nameof(CaseRow.Text)).Fit(prepared)
            : null;
        string[] labels = [.. rows.Concat(others).Select(row => row.Label).Distinct().Order(StringComparer.Ordinal)];
        return new Case(
            name,
            InMemory(rows),
            InMemory(others),
            options ?? (static () => new InfomorphicTrainer.Options()),
            rare is null ? null : (uint)Array.IndexOf(labels, rare) + 1,
            isText ? Contestant.Sdca : Contestant.Linear
        );

        IDataView View(CaseRow[] rows) => ml.Data.LoadFromEnumerable(rows, schema);

        IDataView InMemory(CaseRow[] rows)
        {
            IDataView view = keys.Transform(View(rows));
            return ml.Data.Cache(words?.Transform(view) ?? view, nameof(CaseRow.Features), nameof(CaseRow.Label));
        }
    }

    /// <summary>The first fold of a table, tested by a model of the others.</summary>
    public static Case OfTable(string name, string path, Func<InfomorphicTrainer.Options>? options = null)
    {
        var table = Table.Load(new MLContext(1), path);
        (IDataView train, IDataView test) = table.Split(table.Folds(1), 0);
        return new Case(name, train, test, options ?? (static () => new InfomorphicTrainer.Options()));
    }
}
