using System.Collections;
using System.Globalization;
using System.Reflection;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>The public fields that a trainer's options, and those of its layers, consist of.</summary>
internal static class OptionFields
{
    // What changes the time or the memory that training takes, or who watches it, but not the model.
    private static readonly string[] s_withoutEffect =
    [
        nameof(InfomorphicTrainer.Options.NumberOfThreads),
        nameof(InfomorphicTrainer.Options.MemoryBudget),
        nameof(InfomorphicTrainer.Options.EpochEnded),
        nameof(InfomorphicTrainer.Options.CheckpointReached),
        nameof(InfomorphicTrainer.Options.CancellationToken),
    ];

    /// <summary>Whether an option changes the model, and not only the time or the memory that training takes, or who watches it.</summary>
    public static bool DecidesTheModel(string field) => !s_withoutEffect.Contains(field);

    /// <summary>A number; null where the option is.</summary>
    public static double? Get(object options, string field) =>
        options.GetType().GetField(field)!.GetValue(options) is { } value
            ? Convert.ToDouble(value, CultureInfo.InvariantCulture)
            : null;

    /// <summary>Sets a number.</summary>
    public static void Set(object options, string field, double value)
    {
        FieldInfo info = options.GetType().GetField(field)!;
        Type type = Nullable.GetUnderlyingType(info.FieldType) ?? info.FieldType;
        info.SetValue(options, Convert.ChangeType(value, type, CultureInfo.InvariantCulture));
    }

    /// <summary>Options that share nothing with these that could be changed.</summary>
    public static InfomorphicTrainer.Options Copy(InfomorphicTrainer.Options options)
    {
        InfomorphicTrainer.Options copy = CopyOf(options);
        copy.HiddenLayers = Copy(options.HiddenLayers);
        copy.OutputLayerInputs = Copy(options.OutputLayerInputs);
        return copy;
    }

    /// <summary>Layers that share nothing with these that could be changed. One that is null, which the trainer refuses, stays so.</summary>
    public static IReadOnlyList<HiddenLayerOptions>? Copy(IReadOnlyList<HiddenLayerOptions>? layers)
    {
        if (layers is null)
            return null;
        HiddenLayerOptions[] copies = [.. layers.Select(layer => layer is null ? layer! : CopyOf(layer))];
        foreach (HiddenLayerOptions layer in copies)
            layer?.Inputs = Copy(layer.Inputs);
        return copies;
    }

    /// <summary>
    /// What decides the model and is not searched, by its name in ordinal order; the same in every culture. What is as in the
    /// paper is left out, so that options which are added later change nothing; but neither numbers of neurons nor that of
    /// epochs.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="space">What is searched.</param>
    public static string Describe(InfomorphicTrainer.Options options, TrainerSpace space) =>
        Describe(
            options,
            InfomorphicTrainer.Options.Paper(),
            name => !DecidesTheModel(name) || space.Searches(name, null),
            name =>
                name is nameof(options.NumberOfEpochs)
                || name is nameof(options.NumberOfHiddenNeurons) && options.HiddenLayers is null,
            (name, value) =>
                name == nameof(options.HiddenLayers)
                    ? List(
                        options.HiddenLayers!.Select(
                            (layer, i) => DescribeLayer(layer, name => space.Searches(name, i))
                        )
                    )
                    : Text(value)
        );

    private static string DescribeLayer(HiddenLayerOptions layer, Predicate<string> isLeftOut) =>
        $"{{ {Describe(
            layer,
            new HiddenLayerOptions(),
            isLeftOut,
            name => name is nameof(layer.NumberOfNeurons),
            (_, value) => Text(value)
        )} }}";

    private static string Describe<T>(
        T options,
        T defaults,
        Predicate<string> isLeftOut,
        Predicate<string> isAlwaysThere,
        Func<string, object?, string> text
    )
        where T : class =>
        string.Join(
            ", ",
            from field in FieldsOf(typeof(T))
            where !isLeftOut(field.Name)
            let value = field.GetValue(options)
            where !Equals(value, field.GetValue(defaults)) || isAlwaysThere(field.Name)
            select $"{field.Name} = {text(field.Name, value)}"
        );

    /// <summary>
    /// A value in words, the same in every culture. Settings that consist of others are their type's name and their properties,
    /// without those that are null or false; layers are what they have that others have not, and their number of neurons.
    /// </summary>
    public static string Text(object? value) =>
        value switch
        {
            null => "",
            HiddenLayerOptions layer => DescribeLayer(layer, _ => false),
            string or Signal => value.ToString()!,
            IConvertible plain => plain.ToString(CultureInfo.InvariantCulture),
            IEnumerable items => List(items.Cast<object?>().Select(Text)),
            _ =>
                $"{value.GetType().Name} {{ {string.Join(
                ", ",
                from property in value
                    .GetType()
                    .GetProperties(BindingFlags.Public | BindingFlags.Instance)
                    .OrderBy(property => property.Name, StringComparer.Ordinal)
                where property.CanWrite
                let part = property.GetValue(value)
                where part is not (null or false)
                select $"{property.Name} = {Text(part)}"
            )} }}",
        };

    private static string List(IEnumerable<string> items) => $"[{string.Join(", ", items)}]";

    private static IReadOnlyList<Signal>? Copy(IReadOnlyList<Signal>? signals) => signals is null ? null : [.. signals];

    private static T CopyOf<T>(T options)
        where T : class, new()
    {
        var copy = new T();
        foreach (FieldInfo field in FieldsOf(typeof(T)))
            field.SetValue(copy, field.GetValue(options));
        return copy;
    }

    private static IEnumerable<FieldInfo> FieldsOf(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Instance)
            .OrderBy(field => field.Name, StringComparer.Ordinal);
}
