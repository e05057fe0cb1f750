using System.Globalization;
using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.SearchSpace.Option;
using HostParameter = Microsoft.ML.SearchSpace.Parameter;
using HostSpace = Microsoft.ML.SearchSpace.SearchSpace;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>AutoML's search space, which is a tree with options for leaves, as the list of parameters that tuners know.</summary>
/// <remarks>
/// Values go from one to the other as they are, not through the unit cube of AutoML: its order of features depends on the
/// culture, and its rounding can lead out of the bounds.
/// </remarks>
internal sealed class FlatSpace
{
    private readonly List<Leaf> _leaves = [];
    private readonly List<Leaf> _free;
    private readonly List<ParameterOrientation> _orientations = [];

    private FlatSpace(HostSpace space)
    {
        Add(space, []);
        _free = [.. _leaves.Where(leaf => leaf.Parameter is not null)];
        Space = new Tuning.SearchSpace([.. _free.Select(leaf => leaf.Parameter!)], _orientations);
    }

    /// <summary>The free parameters, by their paths in ordinal order, such as "_pipeline_/e1/002 {F}{L}".</summary>
    public Tuning.SearchSpace Space { get; }

    /// <exception cref="ArgumentException">Nothing is free, or bounds contradict each other.</exception>
    public static FlatSpace Of(HostSpace space) => new(space);

    /// <summary>A flat space of AutoML's with the same parameters, in the same order; a choice is one of its texts.</summary>
    /// <param name="space">The parameters.</param>
    /// <param name="first">What AutoML's own tuners begin with.</param>
    public static HostSpace Create(Tuning.SearchSpace space, ParameterPoint first)
    {
        // As many digits for all keys, so that every rule orders them as they are here.
        string format = $"D{Math.Max(3, (space.Parameters.Count - 1).ToString(CultureInfo.InvariantCulture).Length)}";
        string KeyOf(int index) =>
            $"{index.ToString(format, CultureInfo.InvariantCulture)} {space.Parameters[index].Name}";
        var options = new OrientedSpace([
            .. (space.Orientations ?? []).Select(orientation => new ParameterOrientation(
                [.. orientation.Parameters.Select(name => KeyOf(space.IndexOf(name)))],
                orientation.Weights
            )),
        ]);
        foreach ((int i, Parameter parameter) in space.Parameters.Index())
            options.Add(
                KeyOf(i),
                parameter switch
                {
                    RealParameter real => new UniformDoubleOption(
                        real.Low,
                        real.High,
                        real.Logarithmic,
                        first.Values[i]
                    ),
                    IntegerParameter whole => Whole(whole, (int)first.Values[i]),
                    // Not the number of its place: a tuner would take places for an order, and AutoML's own, which round
                    // down, would never draw the last one.
                    ChoiceParameter choice => new ChoiceOption(
                        [.. choice.Choices],
                        choice.Choices[(int)first.Values[i]]
                    ),
                    _ => throw new ArgumentException(
                        $"There is no option of AutoML's for the parameter {parameter.Name}."
                    ),
                }
            );
        return options;
    }

    /// <summary>The middle of every range.</summary>
    public static ParameterPoint Middle(Tuning.SearchSpace space) =>
        space.CreatePoint([
            .. space.Parameters.Select(parameter =>
                parameter switch
                {
                    RealParameter { Logarithmic: true } real => Math.Sqrt(real.Low * real.High),
                    RealParameter real => 0.5 * (real.Low + real.High),
                    IntegerParameter { Logarithmic: true } whole => Math.Round(
                        Math.Sqrt((double)whole.Low * whole.High)
                    ),
                    IntegerParameter whole => Math.Round(0.5 * ((double)whole.Low + whole.High)),
                    _ => 0,
                }
            ),
        ]);

    /// <summary>AutoML's parameter with values for what is free; what has only one choice has that.</summary>
    public HostParameter ToParameter(IReadOnlyList<double> values)
    {
        var root = HostParameter.CreateNestedParameter();
        int next = 0;
        foreach (Leaf leaf in _leaves)
        {
            HostParameter parent = root;
            foreach (string key in leaf.Path[..^1])
            {
                if (!parent.ContainsKey(key))
                    parent[key] = HostParameter.CreateNestedParameter();
                parent = parent[key];
            }
            parent[leaf.Path[^1]] = leaf.Constant ?? leaf.Write(values[next++]);
        }
        return root;
    }

    /// <summary>The values of what is free.</summary>
    /// <exception cref="ArgumentException">One is missing, or not a number of its range.</exception>
    public double[] ReadValues(HostParameter parameter) => [.. _free.Select(leaf => leaf.Read(parameter))];

    // AutoML rounds down what it makes of a default's place, which a rounding can have moved below it: 7 of 1 to 100 were 6.
    private static UniformIntOption Whole(IntegerParameter parameter, int first)
    {
        var option = new UniformIntOption(parameter.Low, parameter.High, parameter.Logarithmic, first);
        if (option.Default is [double place] && option.SampleFromFeatureSpace([place]).AsType<int>() < first)
            option.Default[0] = Math.Min(1, place + 1e-12);
        return option;
    }

    private void Add(HostSpace space, string[] path)
    {
        if (space is OrientedSpace oriented)
            _orientations.AddRange(
                oriented
                    .Orientations.Where(orientation => orientation.Parameters.All(IsLinear))
                    .Select(orientation => new ParameterOrientation(
                        [.. orientation.Parameters.Select(key => string.Join('/', [.. path, key]))],
                        orientation.Weights
                    ))
            );
        foreach ((string key, OptionBase option) in space.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            string[] own = [.. path, key];
            string name = string.Join('/', own);
            switch (option)
            {
                case HostSpace { Count: 0 }:
                    _leaves.Add(new Leaf(own, option, null, HostParameter.CreateNestedParameter()));
                    break;
                case HostSpace nested:
                    Add(nested, own);
                    break;
                case ChoiceOption { Choices.Length: 1 } choice:
                    _leaves.Add(new Leaf(own, option, null, choice.Choices[0]));
                    break;
                case ChoiceOption choice:
                    _leaves.Add(new Leaf(own, option, new ChoiceParameter(name, [.. choice.Choices.Select(TextOf)])));
                    break;
                case UniformIntOption whole:
                    _leaves.Add(
                        new Leaf(own, option, new IntegerParameter(name, (int)whole.Min, (int)whole.Max, whole.LogBase))
                    );
                    break;
                case UniformNumericOption real:
                    _leaves.Add(new Leaf(own, option, new RealParameter(name, real.Min, real.Max, real.LogBase)));
                    break;
                default:
                    throw new ArgumentException(
                        $"No tuner knows options like {name}: it is a {option.GetType().Name}."
                    );
            }
        }

        // Whoever has the space can have changed it.
        bool IsLinear(string key) =>
            space.TryGetValue(key, out OptionBase? option) && option is UniformDoubleOption { LogBase: false };
    }

    /// <summary>A space that says of opposite points which one is to be drawn at random; AutoML's own tuners draw either.</summary>
    private sealed class OrientedSpace(IReadOnlyList<ParameterOrientation> orientations) : HostSpace
    {
        public IReadOnlyList<ParameterOrientation> Orientations { get; } = orientations;
    }

    private static string TextOf(HostParameter choice) =>
        choice.ParameterType == Microsoft.ML.SearchSpace.ParameterType.String
            ? choice.AsType<string>()
            : choice.ToString();

    /// <summary>A place in the tree: a parameter, or where there is nothing to choose a constant.</summary>
    private sealed record Leaf(string[] Path, OptionBase Option, Parameter? Parameter, HostParameter? Constant = null)
    {
        public HostParameter Write(double value) =>
            Option switch
            {
                ChoiceOption choice => choice.Choices[(int)value],
                UniformIntOption => HostParameter.FromInt((int)value),
                UniformSingleOption => HostParameter.FromFloat((float)value),
                _ => HostParameter.FromDouble(value),
            };

        public double Read(HostParameter root)
        {
            HostParameter parameter = root;
            foreach (string key in Path)
                if (
                    parameter.ParameterType != Microsoft.ML.SearchSpace.ParameterType.Object
                    || !parameter.TryGetValue(key, out parameter!)
                )
                    throw new ArgumentException($"The parameter {Parameter!.Name} is missing.");
            if (Option is ChoiceOption choice)
                return Array.IndexOf(choice.Choices, parameter) is int index and >= 0
                    ? index
                    : throw new ArgumentException($"{parameter} is no choice of the parameter {Parameter!.Name}.");
            double value = Option is UniformIntOption ? parameter.AsType<int>() : parameter.AsType<double>();
            var range = (UniformNumericOption)Option;
            return double.IsNaN(value)
                ? throw new ArgumentException($"The parameter {Parameter!.Name} must be a number, and is NaN.")
                : Math.Clamp(value, range.Min, range.Max); // AutoML's own tuners can miss a bound by a rounding.
        }
    }
}
