using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Compares schemas, annotations included, as ML.NET's own estimator test does.</summary>
internal static class Schemas
{
    public static void AssertSame(DataViewSchema expected, DataViewSchema actual)
    {
        CollectionAssert.AreEqual(
            expected.Select(column => column.ToString()).ToArray(),
            actual.Select(column => column.ToString()).ToArray()
        );
        for (int i = 0; i < expected.Count; i++)
        {
            DataViewSchema.Annotations one = expected[i].Annotations;
            DataViewSchema.Annotations other = actual[i].Annotations;
            CollectionAssert.AreEqual(
                one.Schema.Select(column => column.ToString()).Order().ToArray(),
                other.Schema.Select(column => column.ToString()).Order().ToArray(),
                expected[i].Name
            );
            foreach (DataViewSchema.Column annotation in one.Schema)
                Assert.AreEqual(Value(one, annotation), Value(other, annotation), $"{expected[i].Name}: {annotation}");
        }
    }

    public static void AssertSame(SchemaShape promised, SchemaShape delivered)
    {
        Assert.HasCount(promised.Count, delivered);
        foreach (
            (SchemaShape.Column one, SchemaShape.Column other) in promised
                .OrderBy(column => column.Name)
                .Zip(delivered.OrderBy(column => column.Name))
        )
        {
            Assert.AreEqual(one.Name, other.Name);
            Assert.IsTrue(other.IsCompatibleWith(one), $"{one.Name}: delivered, not promised");
            Assert.IsTrue(one.IsCompatibleWith(other), $"{one.Name}: promised, not delivered");
        }
    }

    private static string Value(DataViewSchema.Annotations annotations, DataViewSchema.Column column) =>
        column.Type switch
        {
            VectorDataViewType { ItemType: TextDataViewType } => Get<VBuffer<ReadOnlyMemory<char>>>(annotations, column)
                .DenseValues()
                .Aggregate("", (text, item) => text + "|" + item),
            VectorDataViewType { ItemType: NumberDataViewType item } when item.RawType == typeof(int) => Get<
                VBuffer<int>
            >(annotations, column)
                .DenseValues()
                .Aggregate("", (text, number) => text + "|" + number),
            VectorDataViewType { ItemType: NumberDataViewType } => Get<VBuffer<float>>(annotations, column)
                .DenseValues()
                .Aggregate("", (text, item) => text + "|" + item),
            TextDataViewType => Get<ReadOnlyMemory<char>>(annotations, column).ToString(),
            BooleanDataViewType => Get<bool>(annotations, column).ToString(),
            KeyDataViewType or NumberDataViewType => Get<uint>(annotations, column).ToString(),
            _ => column.Type.ToString()!,
        };

    private static T Get<T>(DataViewSchema.Annotations annotations, DataViewSchema.Column column)
    {
        T value = default!;
        annotations.GetValue(column.Name, ref value);
        return value;
    }
}
