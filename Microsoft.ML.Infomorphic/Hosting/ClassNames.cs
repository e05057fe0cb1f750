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
    public static string[]? Of(DataViewSchema.Column column, string annotation = AnnotationUtils.Kinds.KeyValues) =>
        column.Type is BooleanDataViewType ? [.. OfBoolean] : LabelValues.Of(column, annotation)?.Names;

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
