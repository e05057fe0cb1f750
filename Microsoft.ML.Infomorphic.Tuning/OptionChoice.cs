using System.Linq.Expressions;
using System.Reflection;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>An option of the trainer, or of one of its hidden layers, that has one of several values without an order.</summary>
/// <param name="Field">The option's field.</param>
/// <param name="Layer">The layer's place, from 0; null for an option of the trainer.</param>
/// <param name="Values">The values.</param>
/// <param name="Parameter">The parameter: its choices are the values' texts, so that whoever resumes a study has the same ones.</param>
internal sealed record OptionChoice(
    FieldInfo Field,
    int? Layer,
    IReadOnlyList<object?> Values,
    ChoiceParameter Parameter
)
{
    /// <summary>Reads what was written for an option: <c>options => options.Encoding</c>.</summary>
    /// <exception cref="ArgumentException">It is no option, or one that changes nothing in a model; or there are fewer than two different values.</exception>
    public static OptionChoice Create<TOptions, TValue>(
        Expression<Func<TOptions, TValue>> option,
        int? layer,
        IReadOnlyList<TValue> values
    )
    {
        ArgumentNullException.ThrowIfNull(option);
        ArgumentNullException.ThrowIfNull(values);
        FieldInfo field = option.Body is MemberExpression { Member: FieldInfo member, Expression: ParameterExpression }
            ? member
            : throw new ArgumentException(
                $"{option.Body} is no option: write one field of the options, such as options => options.NumberOfEpochs.",
                nameof(option)
            );
        if (!OptionFields.DecidesTheModel(field.Name))
            throw new ArgumentException(
                $"{field.Name} does not change what is learned: set it in the trainer's options.",
                nameof(option)
            );
        object?[] copies = [.. values.Select(value => Copy(value))];
        var parameter = new ChoiceParameter(TrainerSpace.PrefixOf(layer) + field.Name, [.. copies.Select(TextOf)]);
        return new OptionChoice(field, layer, copies, parameter);
    }

    /// <summary>Sets the option.</summary>
    /// <param name="holder">The options, of the trainer or of the layer.</param>
    /// <param name="index">Which of the values.</param>
    public void Set(object holder, double index) => Field.SetValue(holder, Copy(Values[(int)index]));

    /// <summary>Which of the values the option has; −1 where it has none of them.</summary>
    /// <param name="holder">The options, of the trainer or of the layer.</param>
    public int IndexIn(object holder) => Parameter.Choices.ToList().IndexOf(TextOf(Field.GetValue(holder)));

    /// <summary>A value in words.</summary>
    public static string TextOf(object? value) => value is null ? "null" : OptionFields.Text(value);

    // Lists of layers and of signals can be changed by whoever has them.
    private static object? Copy(object? value) =>
        value switch
        {
            IReadOnlyList<HiddenLayerOptions> layers => OptionFields.Copy(layers),
            IReadOnlyList<Signal> signals => signals.ToArray(),
            _ => value,
        };
}
