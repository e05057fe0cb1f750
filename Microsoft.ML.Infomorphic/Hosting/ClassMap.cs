using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Which classes the keys of a label column are, where a training goes on from an earlier model: those of the model come
/// first, as they were, and behind them those that are new in the training data.
/// </summary>
/// <remarks>Classes are told by their names. Where names are not known, keys of the same number are the same class.</remarks>
internal sealed class ClassMap
{
    private readonly int[] _classes;

    private ClassMap(int[] classes, int classCount, string[]? names, LabelValues? values)
    {
        _classes = classes;
        ClassCount = classCount;
        Names = names;
        Values = values;
    }

    /// <summary>Number of labels of the column.</summary>
    public int LabelCount => _classes.Length;

    /// <summary>Number of classes of the model and the training data together.</summary>
    public int ClassCount { get; }

    /// <summary>The name of each class; null where they are not known.</summary>
    public string[]? Names { get; }

    /// <summary>What the names are the text of; null where that is not known.</summary>
    public LabelValues? Values { get; }

    /// <summary>The class of a label, both from 0.</summary>
    public int this[int label] => _classes[label];

    /// <summary>The classes of training data.</summary>
    /// <param name="exceptions">Marks the exception.</param>
    /// <param name="label">The label column.</param>
    /// <param name="known">What the model's classes are called; null where that is not known.</param>
    /// <param name="knownValues">What those names are the text of; null where that is not known.</param>
    /// <param name="knownCount">Number of classes of the model.</param>
    /// <exception cref="InvalidOperationException">Nothing tells which classes they are.</exception>
    public static ClassMap OfTraining(
        IExceptionContext exceptions,
        DataViewSchema.Column label,
        string[]? known,
        LabelValues? knownValues,
        int knownCount
    )
    {
        string[]? names = ClassNames.Of(label);
        LabelValues? values = LabelValues.Of(label);
        if (names is null || known is null)
        {
            ulong count = names is null ? CountOf(label) : (ulong)names.Length;
            if (count != (ulong)knownCount)
                throw exceptions.Except(
                    $"The model to go on from has {knownCount} classes, and the training data has {count}, and nothing tells which of them are the same: map labels to keys by MapValueToKey, which keeps their names."
                );
            return new ClassMap(Same(knownCount), knownCount, names, values);
        }

        if (names.SequenceEqual(known))
            return new ClassMap(Same(knownCount), knownCount, names, values);
        ThrowIfTwice(exceptions, names, $"The label column '{label.Name}'");
        ThrowIfTwice(exceptions, known, "The model to go on from");
        int[] added = [.. Enumerable.Range(0, names.Length).Where(i => !known.Contains(names[i]))];
        string[] all = [.. known, .. added.Select(i => names[i])];
        return new ClassMap(
            PlacesOf(names, all),
            all.Length,
            all,
            values is null ? null : knownValues?.With(values, added)
        );
    }

    /// <summary>The same classes of validation data.</summary>
    /// <param name="exceptions">Marks the exception.</param>
    /// <param name="label">The label column.</param>
    /// <exception cref="InvalidOperationException">There is a class that is none of them.</exception>
    public ClassMap OfValidation(IExceptionContext exceptions, DataViewSchema.Column label)
    {
        if (Names is null || ClassNames.Of(label) is not string[] names)
        {
            ulong count = CountOf(label);
            return count == (ulong)LabelCount
                ? this
                : throw exceptions.Except(
                    $"The validation data has {count} classes, and the training data has {LabelCount}."
                );
        }

        if (names.SequenceEqual(Names))
            return new ClassMap(Same(ClassCount), ClassCount, Names, Values);
        ThrowIfTwice(exceptions, names, $"The label column '{label.Name}'");
        if (names.FirstOrDefault(name => !Names.Contains(name)) is string other)
            throw exceptions.Except(
                $"The validation data has the class {other}, which neither the training data nor the model to go on from has: leave its rows out, and map the labels anew."
            );
        return new ClassMap(PlacesOf(names, Names), ClassCount, Names, Values);
    }

    private static int[] Same(int count) => [.. Enumerable.Range(0, count)];

    private static int[] PlacesOf(string[] names, string[] all)
    {
        Dictionary<string, int> places = all.Index().ToDictionary(of => of.Item, of => of.Index);
        return [.. names.Select(name => places[name])];
    }

    // Of columns that are no keys of a known number the reader says so.
    private static ulong CountOf(DataViewSchema.Column label) =>
        label.Type is KeyDataViewType key ? key.Count : (ulong)ClassNames.OfBoolean.Count;

    private static void ThrowIfTwice(IExceptionContext exceptions, string[] names, string what)
    {
        var seen = new HashSet<string>();
        if (Array.Find(names, name => !seen.Add(name)) is string twice)
            throw exceptions.Except(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{what} has two classes called '{twice}', so that classes cannot be told by their names: give them different ones."
                )
            );
    }
}
