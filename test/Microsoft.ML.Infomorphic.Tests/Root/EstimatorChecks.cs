using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>What ML.NET's own estimator test checks, of any estimator.</summary>
internal static class EstimatorChecks
{
    /// <summary>
    /// Schemas as promised, the same after saving and loading, annotations included; the same values whatever columns are asked
    /// for; and wrong input refused.
    /// </summary>
    public static void Check(MLContext context, IEstimator<ITransformer> estimator, IDataView data, IDataView invalid)
    {
        AssertFails(() => estimator.GetOutputSchema(SchemaShape.Create(invalid.Schema)));
        AssertFails(() => estimator.Fit(invalid));
        SchemaShape promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));

        ITransformer transformer = estimator.Fit(data);
        using var stream = new MemoryStream();
        context.Model.Save(transformer, data.Schema, stream);
        ITransformer loaded = new MLContext().Model.Load(
            new MemoryStream(stream.ToArray()),
            out DataViewSchema loadedSchema
        );

        DataViewSchema schema = transformer.GetOutputSchema(data.Schema);
        Schemas.AssertSame(promised, SchemaShape.Create(schema));
        Assert.IsTrue(transformer.IsRowToRowMapper);
        IRowToRowMapper mapper = transformer.GetRowToRowMapper(data.Schema);
        Assert.AreSame(data.Schema, mapper.InputSchema);
        Schemas.AssertSame(schema, mapper.OutputSchema);
        Schemas.AssertSame(schema, loaded.GetOutputSchema(data.Schema));
        Schemas.AssertSame(data.Schema, loadedSchema);
        IDataView scored = transformer.Transform(data);
        IDataView loadedScored = loaded.Transform(data);
        Schemas.AssertSame(schema, scored.Schema);
        Schemas.AssertSame(schema, loadedScored.Schema);

        CollectionAssert.AreEqual(Read(scored, scored.Schema), Read(loadedScored, loadedScored.Schema));
        for (int parity = 0; parity < 2; parity++)
        {
            AssertPart(scored, [.. scored.Schema.Where(column => column.Index % 2 == parity)]);
            AssertPart(loadedScored, [.. loadedScored.Schema.Where(column => column.Index % 2 == parity)]);
        }

        foreach (ITransformer one in (ITransformer[])[transformer, loaded])
        {
            AssertFails(() => one.GetOutputSchema(invalid.Schema));
            AssertFails(() => one.Transform(invalid));
        }
    }

    private static void AssertFails(Action action)
    {
        Exception exception = Assert.Throws<Exception>(action);
        Assert.IsTrue(
            exception is ArgumentOutOfRangeException or InvalidOperationException,
            $"{exception.GetType()}: {exception.Message}"
        );
    }

    // The values of some columns are those of a cursor over all.
    public static void AssertPart(IDataView view, DataViewSchema.Column[] columns)
    {
        using DataViewRowCursor all = view.GetRowCursor(view.Schema);
        using DataViewRowCursor some = view.GetRowCursor(columns);
        CollectionAssert.AreEqual(Read(all, columns).ToArray(), Read(some, columns).ToArray());
    }

    public static Dictionary<long, string> Read(IDataView view, DataViewSchema schema)
    {
        using DataViewRowCursor cursor = view.GetRowCursor(schema);
        return Read(cursor, [.. schema]).ToDictionary();
    }

    // Rows by their id, which says more than their place where several cursors share them.
    public static IEnumerable<KeyValuePair<long, string>> Read(
        DataViewRowCursor cursor,
        DataViewSchema.Column[] columns
    )
    {
        Func<string>[] readers = [.. columns.Select(column => Reader(cursor, cursor.Schema[column.Index]))];
        ValueGetter<DataViewRowId> id = cursor.GetIdGetter();
        while (cursor.MoveNext())
        {
            DataViewRowId rowId = default;
            id(ref rowId);
            yield return KeyValuePair.Create((long)rowId.Low, string.Join(" | ", readers.Select(read => read())));
        }
    }

    private static Func<string> Reader(DataViewRow row, DataViewSchema.Column column)
    {
        return column.Type switch
        {
            VectorDataViewType { ItemType: NumberDataViewType } => Of<VBuffer<float>>(value =>
                string.Join(' ', value.DenseValues().Select(number => $"{BitConverter.SingleToInt32Bits(number):X}"))
            ),
            TextDataViewType => Of<ReadOnlyMemory<char>>(value => value.ToString()),
            BooleanDataViewType => Of<bool>(value => $"{value}"),
            KeyDataViewType => Of<uint>(value => $"{value}"),
            NumberDataViewType => Of<float>(value => $"{BitConverter.SingleToInt32Bits(value):X}"),
            _ => throw new NotSupportedException($"{column.Name}: {column.Type}"),
        };

        Func<string> Of<T>(Func<T, string> print)
        {
            ValueGetter<T> getter = row.GetGetter<T>(column);
            T value = default!;
            return () =>
            {
                getter(ref value);
                return print(value);
            };
        }
    }
}
