using System.Globalization;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

// Of the classes: what their rows weigh, and what there is to say of them.
public sealed partial class InfomorphicTrainer
{
    private const int MostNames = 5;

    // What the rows of each class are multiplied by, 1 at most; null where that is the same for all.
    private float[]? ClassFactors(RowSurvey survey, string label, string[]? names)
    {
        double[] factors = new double[survey.ClassCount];
        for (int i = 0; i < factors.Length; i++)
            factors[i] =
                _options.ClassWeighting == ClassWeighting.Balanced && survey.RowsOfClass[i] > 0
                    ? 1 / survey.WeightOfClass[i]
                    : 1;
        if (_options.ClassWeighting == ClassWeighting.Balanced)
        {
            // Of classes that have no training row, validation rows weigh what those of the lightest class do.
            double smallest = factors.Where((_, i) => survey.RowsOfClass[i] > 0).Min();
            for (int i = 0; i < factors.Length; i++)
                if (survey.RowsOfClass[i] == 0)
                    factors[i] = smallest;
        }

        foreach ((string name, double weight) in _options.ClassWeights ?? new Dictionary<string, double>())
        {
            int i = names is null
                ? int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                    ? number - 1
                    : -1
                : Array.IndexOf(names, name);
            if (i < 0 || i >= factors.Length)
                throw Host.ExceptUserArg(
                    nameof(Options.ClassWeights),
                    $"{nameof(Options.ClassWeights)} names '{name}', and the label column '{label}' has no such class; it has {NamesOf([.. Enumerable.Range(0, factors.Length)], names)}."
                );
            factors[i] *= weight;
        }

        double largest = factors.Max();
        float[] relative = [.. factors.Select(factor => (float)(factor / largest))];
        return Array.TrueForAll(relative, factor => factor == relative[0]) ? null : relative;
    }

    private string? DescribeClassWeights() =>
        _options.ClassWeights is null
            ? null
            : string.Join(
                ", ",
                _options.ClassWeights.Select(weight =>
                    string.Create(CultureInfo.InvariantCulture, $"{weight.Key} = {weight.Value}")
                )
            );

    // Classes of which there is little to learn: a sentence for each kind. What an earlier model knows of a class stays.
    private static IEnumerable<string> DoubtsAboutClasses(
        RowSurvey survey,
        string label,
        string[]? names,
        InfomorphicNetwork? earlier
    )
    {
        int[] absent = [.. WithRows(0).Where(i => earlier is null || NetworkState.IsAbsent(earlier, i))];
        if (absent.Length > 0)
            yield return $"{Classes(absent)} of the label column '{label}' {(absent.Length == 1 ? "has" : "have")} no training row, and will never be predicted: {NamesOf(absent, names)}.";
        int[] single = WithRows(1);
        if (single.Length > 0)
            yield return $"{Classes(single)} of the label column '{label}' {(single.Length == 1 ? "has" : "have")} one training row, from which little is learned and on which nothing is checked: {NamesOf(single, names)}.";

        int[] WithRows(int count) =>
            [.. Enumerable.Range(0, survey.ClassCount).Where(i => survey.RowsOfClass[i] == count)];

        string Classes(int[] some) =>
            string.Create(CultureInfo.InvariantCulture, $"{some.Length} of {survey.ClassCount} classes");
    }

    private static string NameOf(int label, string[]? names) =>
        names?[label] ?? (label + 1).ToString(CultureInfo.InvariantCulture);

    private static string NamesOf(int[] labels, string[]? names) =>
        string.Join(", ", labels.Take(MostNames).Select(label => NameOf(label, names)))
        + (
            labels.Length > MostNames
                ? string.Create(CultureInfo.InvariantCulture, $" and {labels.Length - MostNames} more")
                : ""
        );

    // Keys of the same number may stand for other classes, where labels were mapped twice. Where training goes on from a model,
    // they are told by their names; else they have to be the same in both data.
    private static (ClassMap? Train, ClassMap? Validation) MapClasses(
        IHost host,
        TrainContext context,
        InfomorphicModelParameters? earlier
    )
    {
        DataViewSchema.Column label = context.TrainingSet.Schema.Label!.Value;
        DataViewSchema.Column? ofValidation = context.ValidationSet?.Schema.Label;
        if (earlier is not null)
        {
            var map = ClassMap.OfTraining(
                host,
                label,
                earlier.ClassNames,
                earlier.LabelValues,
                earlier.Network.ClassCount
            );
            return (map, ofValidation is DataViewSchema.Column other ? map.OfValidation(host, other) : null);
        }

        if (ofValidation is DataViewSchema.Column validation)
            ClassNames.ThrowIfOther(
                host,
                "validationData",
                validation,
                ClassNames.Of(validation),
                ClassNames.Of(label),
                "in the training data"
            );
        return (null, null);
    }
}
