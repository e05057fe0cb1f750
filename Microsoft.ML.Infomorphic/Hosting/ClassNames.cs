using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What the keys of a label column stand for.</summary>
internal static class ClassNames
{
    /// <summary>The classes of a column of truth values: false is the first.</summary>
    public static IReadOnlyList<string> OfBoolean { get; } = [bool.FalseString, bool.TrueString];

    /// <summary>One name a class; null where that is not known.</summary>
    /// <param name="column">The column.</param>
    /// <param name="annotation">Which annotation of it has them.</param>
    public static string[]? Of(DataViewSchema.Column column, string annotation = AnnotationUtils.Kinds.KeyValues)
    {
        if (column.Type is BooleanDataViewType)
            return [.. OfBoolean];
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

        string[] Read<T>()
        {
            VBuffer<T> names = default;
            column.Annotations.GetValue(annotation, ref names);
            return [.. names.DenseValues().Select(Text)];
        }
    }

    /// <summary>
    /// Refuses labels whose keys stand for other classes than the same keys elsewhere, as those of a mapping that was fitted
    /// anew do.
    /// </summary>
    /// <param name="exceptions">Marks the exception.</param>
    /// <param name="parameter">The name of the parameter that has the labels.</param>
    /// <param name="label">The label column.</param>
    /// <param name="names">What its keys stand for; null where that is not known.</param>
    /// <param name="others">What they stand for elsewhere; null where that is not known.</param>
    /// <param name="where">Where that is, as the message says it.</param>
    /// <exception cref="ArgumentOutOfRangeException">They do.</exception>
    public static void ThrowIfOther(
        IExceptionContext exceptions,
        string parameter,
        DataViewSchema.Column label,
        string[]? names,
        string[]? others,
        string where
    )
    {
        // Different numbers of classes have a sentence of their own.
        if (names is null || others is null || names.Length != others.Length || names.SequenceEqual(others))
            return;
        int other = Enumerable.Range(0, names.Length).First(i => names[i] != others[i]);
        throw exceptions.ExceptParam(
            parameter,
            $"Class {other + 1} of the label column '{label.Name}' is {names[other]}, and {others[other]} {where}: map labels to keys as they were mapped for the training."
        );
    }

    /// <summary>A label as text.</summary>
    public static string Text<T>(T value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
