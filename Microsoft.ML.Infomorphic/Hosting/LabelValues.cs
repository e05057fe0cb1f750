using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What the keys of a column stand for, in the type in which its annotation has them.</summary>
internal abstract class LabelValues
{
    private LabelValues(PrimitiveDataViewType type, string[] names)
    {
        Type = type;
        Names = names;
    }

    /// <summary>The values as text, one a key.</summary>
    public string[] Names { get; }

    private PrimitiveDataViewType Type { get; }

    /// <summary>The values of a column's keys; null where they are not known, or of a type that no label has.</summary>
    /// <param name="column">The column.</param>
    /// <param name="annotation">Which annotation of it has them.</param>
    public static LabelValues? Of(DataViewSchema.Column column, string annotation = AnnotationUtils.Kinds.KeyValues)
    {
        if (column.Annotations.Schema.GetColumnOrNull(annotation)?.Type is not VectorDataViewType values)
            return null;
        return values.ItemType.RawType switch
        {
            Type type when type == typeof(ReadOnlyMemory<char>) => Read<ReadOnlyMemory<char>>(),
            Type type when type == typeof(float) => Read<float>(),
            Type type when type == typeof(double) => Read<double>(),
            Type type when type == typeof(sbyte) => Read<sbyte>(),
            Type type when type == typeof(byte) => Read<byte>(),
            Type type when type == typeof(short) => Read<short>(),
            Type type when type == typeof(ushort) => Read<ushort>(),
            Type type when type == typeof(int) => Read<int>(),
            Type type when type == typeof(uint) => Read<uint>(),
            Type type when type == typeof(long) => Read<long>(),
            Type type when type == typeof(ulong) => Read<ulong>(),
            Type type when type == typeof(bool) => Read<bool>(),
            _ => null,
        };

        LabelValues Read<T>()
        {
            VBuffer<T> buffer = default;
            column.Annotations.GetValue(annotation, ref buffer);
            return new Typed<T>(values.ItemType, [.. buffer.DenseValues()]);
        }
    }

    /// <summary>These values with some of others behind them: in their own type where both have one, and else as text.</summary>
    /// <param name="others">The others.</param>
    /// <param name="places">Which of them.</param>
    public LabelValues With(LabelValues others, IReadOnlyList<int> places) =>
        Append(others, places)
        ?? new Typed<ReadOnlyMemory<char>>(
            TextDataViewType.Instance,
            [.. Names.Concat(places.Select(place => others.Names[place])).Select(name => name.AsMemory())]
        );

    /// <summary>A schema in which the keys of a column stand for these values.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="column">The column, of keys.</param>
    public DataViewSchema In(DataViewSchema schema, string column)
    {
        DataViewSchema.Column replaced = schema[column];
        if (ClassNames.Of(replaced) is string[] names && names.SequenceEqual(Names))
            return schema;
        var builder = new DataViewSchema.Builder();
        foreach (DataViewSchema.Column other in schema)
            if (other.Index != replaced.Index)
            {
                builder.AddColumn(other.Name, other.Type, other.Annotations);
            }
            else
            {
                var annotations = new DataViewSchema.Annotations.Builder();
                annotations.Add(replaced.Annotations, kind => kind != AnnotationUtils.Kinds.KeyValues);
                AddTo(annotations);
                builder.AddColumn(
                    column,
                    new KeyDataViewType(replaced.Type.RawType, Names.Length),
                    annotations.ToAnnotations()
                );
            }

        return builder.ToSchema();
    }

    private protected abstract void AddTo(DataViewSchema.Annotations.Builder annotations);

    private protected abstract LabelValues? Append(LabelValues others, IReadOnlyList<int> places);

    private sealed class Typed<T>(PrimitiveDataViewType type, T[] values)
        : LabelValues(type, [.. values.Select(ClassNames.Text)])
    {
        private readonly T[] _values = values;

        private protected override void AddTo(DataViewSchema.Annotations.Builder annotations) =>
            annotations.Add<VBuffer<T>>(
                AnnotationUtils.Kinds.KeyValues,
                new VectorDataViewType(Type, _values.Length),
                (ref VBuffer<T> buffer) => new VBuffer<T>(_values.Length, _values).CopyTo(ref buffer)
            );

        private protected override LabelValues? Append(LabelValues others, IReadOnlyList<int> places) =>
            others is Typed<T> alike
                ? new Typed<T>(Type, [.. _values, .. places.Select(place => alike._values[place])])
                : null;
    }
}
