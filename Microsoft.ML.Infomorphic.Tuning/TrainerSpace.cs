using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Linq.Expressions;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Training;
using Options = Microsoft.ML.Infomorphic.InfomorphicTrainer.Options;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// What a sweep over the trainer searches: the weights γ of its hidden neurons' goals, those of its output neurons' goal,
/// and other options, all in one <see cref="SearchSpace"/>. Immutable: every method returns a new space.
/// </summary>
/// <remarks>
/// <para>
/// Parameters of the hidden goal are named as in <see cref="GoalSpace"/>, those of the output goal likewise after
/// "output ", and options by their names. What is not searched is left as it is in the options that a point is
/// applied to; a fixed weight of a goal space is part of the space.
/// </para>
/// <para>
/// Where the trainer has a list of layers, <see cref="Options.HiddenLayers"/>, goals and options of hidden
/// neurons are searched layer by layer. A layer is given by its place in the list, from 0; in names it is counted from 1:
/// parameters of the second layer are "layer 2 {F}{C}", "layer 2 LearningRate" and "layer 2 NumberOfNeurons".
/// </para>
/// </remarks>
public sealed class TrainerSpace
{
    private const string OutputPrefix = "output ";

    private static readonly string s_auto = new Options().Goal;

    // The goals of hidden neurons: of the one layer that the trainer's options describe (null), or of layers in their order.
    private readonly ImmutableList<(int? Layer, GoalSpace Space)> _goals;
    private readonly ImmutableList<(TrainerOption Option, int? Layer, Parameter Parameter)> _options;
    private readonly ImmutableList<OptionChoice> _choices;

    private TrainerSpace(
        ImmutableList<(int? Layer, GoalSpace Space)> goals,
        GoalSpace? outputGoal,
        ImmutableList<(TrainerOption Option, int? Layer, Parameter Parameter)> options,
        ImmutableList<OptionChoice> choices
    )
    {
        _goals = goals;
        OutputGoal = outputGoal;
        _options = options;
        _choices = choices;
        string? ofOne = OfHiddenNeurons.FirstOrDefault(of => of.Layer is null).Name;
        (string? ofLayer, int? layer) = OfHiddenNeurons.FirstOrDefault(of => of.Layer is not null);
        if (ofOne is not null && ofLayer is not null)
            throw new ArgumentException(
                $"The search space has {ofOne} of a network of one hidden layer and {ofLayer} of {NameOf(layer)}: search either the one or the other."
            );
    }

    /// <summary>A space in which nothing is searched yet.</summary>
    public static TrainerSpace Empty { get; } = new([], null, [], []);

    /// <summary>What of the hidden neurons' goal is searched, where the network has one hidden layer and no list of them; null for nothing.</summary>
    public GoalSpace? Goal => _goals.Find(goal => goal.Layer is null).Space;

    /// <summary>What of the goals of hidden layers is searched, by the layer's place from 0; empty for nothing.</summary>
    public IReadOnlyDictionary<int, GoalSpace> LayerGoals =>
        _goals
            .Where(goal => goal.Layer is not null)
            .ToImmutableSortedDictionary(goal => goal.Layer!.Value, g => g.Space);

    /// <summary>What of the output neurons' goal is searched; null for nothing.</summary>
    public GoalSpace? OutputGoal { get; }

    /// <summary>Searches the hidden neurons' goal, where the network has one hidden layer and no list of them.</summary>
    /// <param name="goal">
    /// The goal space, over the sources that the trainer's options give the hidden neurons: F, C and L; F and C; or F and L.
    /// </param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources, or the space has goals or options of layers.</exception>
    public TrainerSpace WithGoal(GoalSpace goal) => With(goal, null);

    /// <summary>Searches the goal of a hidden layer of <see cref="Options.HiddenLayers"/>.</summary>
    /// <param name="goal">
    /// The goal space, over the sources that the layer's options give its neurons: F, C and L; F and C; or F and L.
    /// </param>
    /// <param name="layer">The layer's place in the list, from 0.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources, or the space has the goal or options of a network of one hidden layer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The place is negative.</exception>
    public TrainerSpace WithGoal(GoalSpace goal, int layer) => With(goal, layer);

    /// <summary>Searches the output neurons' goal.</summary>
    /// <param name="goal">The goal space, over F and C.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources.</exception>
    public TrainerSpace WithOutputGoal(GoalSpace goal) =>
        new(_goals, Over(goal, "FC"), _options, WithoutChoice(nameof(Options.OutputGoal), null));

    /// <summary>Searches an option, or changes its range.</summary>
    /// <param name="option">The option.</param>
    /// <param name="low">The lower bound, which the trainer must take; whole for an option that is a whole number.</param>
    /// <param name="high">The upper bound, likewise, above the lower one.</param>
    /// <param name="logarithmic">Whether equal ratios, not equal differences, are equally large steps.</param>
    /// <param name="layer">
    /// The place, from 0, of the hidden layer whose option it is in <see cref="Options.HiddenLayers"/>; null
    /// for an option of hidden neurons where the network has no such list, and for those of the output layer and the whole network.
    /// </param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">
    /// The bounds contradict each other, or the trainer does not take them; a layer has no such option; or the space would
    /// have both options of layers and those of a network of one hidden layer.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The layer's place is negative.</exception>
    public TrainerSpace With(TrainerOption option, double low, double high, bool logarithmic = false, int? layer = null)
    {
        (double smallest, double largest, bool whole) = LimitsOf(option);
        ArgumentOutOfRangeException.ThrowIfNegative(layer ?? 0, nameof(layer));
        if (layer is not null && !IsOfHiddenNeurons(option))
            throw new ArgumentException($"{option} is no option of a hidden layer: search it without a layer.");
        string name = FieldOf(option, layer);
        if (!(low >= smallest && high <= largest))
            throw new ArgumentException(
                $"The trainer takes a {name} of {Text(smallest)} to {Text(largest)}, and the bounds are {Text(low)} and {Text(high)}."
            );
        if (whole && (low != Math.Round(low) || high != Math.Round(high)))
            throw new ArgumentException($"{name} is a whole number, and its bounds are {Text(low)} and {Text(high)}.");
        Parameter parameter = whole
            ? new IntegerParameter(PrefixOf(layer) + name, (int)low, (int)high, logarithmic)
            : new RealParameter(PrefixOf(layer) + name, low, high, logarithmic);
        return new TrainerSpace(
            _goals,
            OutputGoal,
            _options.RemoveAll(o => o.Option == option && o.Layer == layer).Add((option, layer, parameter)),
            WithoutChoice(name, layer)
        );
    }

    /// <summary>
    /// Searches an option of the trainer that has one of several values without an order: a goal by its name, an encoding, a
    /// number of epochs, a list of layers. It takes the place of whatever else was searched of that option.
    /// </summary>
    /// <typeparam name="T">The option's type.</typeparam>
    /// <param name="option">The option, such as <c>options => options.NumberOfEpochs</c>.</param>
    /// <param name="values">
    /// The values, at least two different ones. A study knows them by what they are in words: whoever resumes it must give the same.
    /// </param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">
    /// That is no option, or one that changes nothing in a model; or there are fewer than two different values.
    /// </exception>
    public TrainerSpace WithChoice<T>(Expression<Func<Options, T>> option, params IReadOnlyList<T> values) =>
        With(OptionChoice.Create(option, null, values));

    /// <summary>Searches an option of a hidden layer of <see cref="Options.HiddenLayers"/> that has one of several values without an order.</summary>
    /// <typeparam name="T">The option's type.</typeparam>
    /// <param name="layer">The layer's place in the list, from 0.</param>
    /// <param name="option">The option, such as <c>layer => layer.Goal</c>.</param>
    /// <param name="values">The values, at least two different ones.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">
    /// That is no option; there are fewer than two different values; or the space has the goal or options of a network of one hidden
    /// layer.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The place is negative.</exception>
    public TrainerSpace WithChoice<T>(
        int layer,
        Expression<Func<HiddenLayerOptions, T>> option,
        params IReadOnlyList<T> values
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        return With(OptionChoice.Create(option, layer, values));
    }

    /// <summary>
    /// The search space: the parameters of the hidden goal or, layer by layer, of the hidden goals, those of the output goal,
    /// then the options in the order in which they were added, and those that are chosen.
    /// </summary>
    /// <returns>The search space.</returns>
    /// <exception cref="ArgumentException">Nothing is free.</exception>
    public SearchSpace ToSearchSpace()
    {
        Parameter[] parameters =
        [
            .. _goals.SelectMany(goal => Prefixed(PrefixOf(goal.Layer), goal.Space)),
            .. OutputGoal is null ? [] : Prefixed(OutputPrefix, OutputGoal),
            .. _options.Select(o => o.Parameter),
            .. _choices.Select(choice => choice.Parameter),
        ];
        ParameterOrientation[] orientations =
        [
            .. _goals.Select(goal => goal.Space.OrientationOf(PrefixOf(goal.Layer))).OfType<ParameterOrientation>(),
            .. OutputGoal?.OrientationOf(OutputPrefix) is { } ofOutput ? [ofOutput] : (ParameterOrientation[])[],
        ];
        return parameters.Length > 0
            ? new SearchSpace(parameters, orientations)
            : throw new ArgumentException(
                "The search space is empty: free a weight of the goal with GoalSpace.Free, or add an option with TrainerSpace.With or WithChoice."
            );

        static IEnumerable<Parameter> Prefixed(string prefix, GoalSpace goal) =>
            goal.Parameters.Select(p => new RealParameter(prefix + p.Name, p.Low, p.High));
    }

    /// <summary>
    /// 32 hexadecimal digits that differ where the search space, ties or fixed weights of the goals differ; the same in every
    /// process and version.
    /// </summary>
    public string Fingerprint =>
        SearchSpace.Hash([
            "goal",
            .. Goal?.Signature ?? [],
            "output goal",
            .. OutputGoal?.Signature ?? [],
            "options",
            .. _options.Select(o => o.Parameter.Signature),
            .. _goals
                .Where(goal => goal.Layer is not null)
                .SelectMany(goal => goal.Space.Signature.Prepend($"{PrefixOf(goal.Layer)}goal")),
            .. _choices.Select(choice => choice.Parameter.Signature),
        ]);

    /// <summary>Sets a trainer's options to a point. Options that are not searched stay.</summary>
    /// <param name="point">A point of <see cref="ToSearchSpace"/>.</param>
    /// <param name="options">
    /// The options to change. Where options of layers are searched, they get a new list of new layers: those that they had
    /// stay as they are.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A goal that is searched is over other sources than its neurons have; or a layer is searched that is not there or does
    /// not learn, or layers where the options have no list of them, or the other way round.
    /// </exception>
    public void Apply(ParameterPoint point, Options options)
    {
        ArgumentNullException.ThrowIfNull(point);
        ArgumentNullException.ThrowIfNull(options);
        foreach (OptionChoice choice in _choices.Where(choice => choice.Layer is null))
            choice.Set(options, point[choice.Parameter.Name]);
        if (OfHiddenNeurons.Any(of => of.Layer is not null))
            options.HiddenLayers = OptionFields.Copy(options.HiddenLayers);
        foreach (OptionChoice choice in _choices.Where(choice => choice.Layer < options.HiddenLayers?.Count))
            choice.Set(Holder(options, choice.Layer), point[choice.Parameter.Name]);
        if (!IsFor(options, out string? reason))
            throw new ArgumentException(reason, nameof(options));
        foreach ((int? layer, GoalSpace space) in _goals)
            SetGoal(options, layer, space.GoalAt(name => point[PrefixOf(layer) + name]));
        if (OutputGoal is not null)
            options.OutputGoal = OutputGoal.GoalAt(name => point[OutputPrefix + name]).ToString();
        foreach ((TrainerOption option, int? layer, Parameter parameter) in _options)
            OptionFields.Set(Holder(options, layer), FieldOf(option, layer), point[parameter.Name]);
        // Where both are searched, a point may allow more connections than it has neurons: all, then.
        if (options.MaximumLateralConnections > options.NumberOfHiddenNeurons)
            options.MaximumLateralConnections = options.NumberOfHiddenNeurons;
        foreach (int layer in OfHiddenNeurons.Select(of => of.Layer).OfType<int>().Distinct())
        {
            HiddenLayerOptions one = options.HiddenLayers![layer];
            if (one.MaximumLateralConnections > one.NumberOfNeurons)
                one.MaximumLateralConnections = one.NumberOfNeurons;
        }
    }

    /// <summary>The point of a trainer's options, for instance to begin the search with it.</summary>
    /// <param name="options">The options.</param>
    /// <param name="point">The point; null where the space does not hold the options.</param>
    /// <param name="reason">Why it does not, in one sentence; null where it does.</param>
    /// <returns>Whether the space holds the options.</returns>
    public bool TryGetPoint(
        Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        return TryGetPoint(null, _ => false, options, out point, out reason);
    }

    /// <summary>
    /// The point of a goal of the hidden neurons, such as a published one, with other options as given. Where layers are
    /// searched: of a goal that all of them have.
    /// </summary>
    /// <param name="goal">The goal.</param>
    /// <param name="options">The other options.</param>
    /// <param name="point">The point; null where the space does not hold it.</param>
    /// <param name="reason">Why it does not, in one sentence; null where it does.</param>
    /// <returns>Whether the space holds the goal and the options.</returns>
    public bool TryGetPoint(
        GoalFunction goal,
        Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(options);
        return TryGetPoint(goal, _ => true, options, out point, out reason);
    }

    /// <summary>The point of a trainer's options, for instance one of <see cref="InfomorphicSweepOptions.StartingPoints"/>.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The point.</returns>
    /// <exception cref="ArgumentException">The space does not hold the options: the message says why.</exception>
    public ParameterPoint GetPoint(Options options) =>
        TryGetPoint(options, out ParameterPoint? point, out string? reason)
            ? point
            : throw new ArgumentException($"The options are no point of the search space: {reason}", nameof(options));

    /// <summary>The point of options with a goal, for instance one of <see cref="InfomorphicSweepOptions.StartingPoints"/>.</summary>
    /// <param name="goal">
    /// The goal of the hidden neurons or, where layers are searched, of all whose goal is: the name of a published one of
    /// <see cref="GoalFunctions"/>, or a formula in the paper's notation.
    /// </param>
    /// <param name="options">The other options.</param>
    /// <returns>The point.</returns>
    /// <exception cref="ArgumentException">The space does not hold the goal or the options, or the goal cannot be read: the message says why.</exception>
    public ParameterPoint GetPoint(string goal, Options options)
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(options);
        options = OptionFields.Copy(options);
        foreach (int? layer in _goals.Select(g => g.Layer).Concat(_choices.Where(OfGoal).Select(c => c.Layer)))
            if (layer is null)
                options.Goal = goal;
            else if (layer < options.HiddenLayers?.Count)
                options.HiddenLayers[layer.Value].Goal = goal;
        return GetPoint(options);

        static bool OfGoal(OptionChoice choice) => choice.Field.Name == nameof(Options.Goal);
    }

    /// <summary>
    /// The published goals of such hidden neurons that the space holds, with other options as given. Where goals of layers
    /// are searched, all layers whose goal space holds a published goal have it together; the others have their own.
    /// </summary>
    /// <param name="options">The other options.</param>
    /// <returns>Their points, in the order of <see cref="GoalFunctions.All"/>, each once.</returns>
    public IReadOnlyList<ParameterPoint> GetPresetPoints(Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return
        [
            .. GoalFunctions
                .All.Select(preset =>
                    TakersOf(preset.Goal, options) is { Count: > 0 } takers
                    && TryGetPoint(preset.Goal, takers.Contains, options, out ParameterPoint? point, out _)
                        ? point
                        : null
                )
                .OfType<ParameterPoint>()
                .Distinct(),
        ];
    }

    /// <summary>The goal of the hidden neurons, or of a hidden layer's; null where they have none.</summary>
    /// <param name="options">The trainer's options.</param>
    /// <param name="layer">The layer's place, from 0; null for the only hidden layer.</param>
    /// <exception cref="ArgumentException">The goal does not parse, there is no such layer, or there are several.</exception>
    internal static GoalFunction? GoalOf(Options options, int? layer)
    {
        layer = LayerOf(options, layer);
        return layer >= options.HiddenLayers?.Count || SourcesOf(options, layer).Length == 0 ? null
            : TryReadGoal(options, layer, out GoalFunction? goal, out string? reason) ? goal
            : throw new ArgumentException(reason, nameof(options));
    }

    /// <summary>Sets the goal of the hidden neurons (null), or of a hidden layer's.</summary>
    internal static void SetGoal(Options options, int? layer, GoalFunction goal)
    {
        if (layer is int place)
            options.HiddenLayers![place].Goal = goal.ToString();
        else
            options.Goal = goal.ToString();
    }

    /// <summary>A hidden layer's place in the list of layers; null for the one layer that options without such a list describe.</summary>
    /// <param name="options">The trainer's options.</param>
    /// <param name="layer">The layer's place, from 0; null for the only hidden layer.</param>
    /// <exception cref="ArgumentException">There is no such layer, or there are several.</exception>
    internal static int? LayerOf(Options options, int? layer)
    {
        int count = options.HiddenLayers?.Count ?? 1;
        if (layer is null && count > 1)
            throw new ArgumentException($"There are {count} hidden layers: say which of them.", nameof(layer));
        if (layer < 0 || layer >= count)
            throw new ArgumentException($"There is no {NameOf(layer)}: {NumberOf(count)}.", nameof(layer));
        return options.HiddenLayers is null ? null : layer ?? 0;
    }

    /// <summary>What comes before the names of a layer's parameters; nothing where no layer is given.</summary>
    internal static string PrefixOf(int? layer) =>
        layer is null ? "" : string.Create(CultureInfo.InvariantCulture, $"layer {layer + 1} ");

    /// <summary>Whether an option is searched.</summary>
    /// <param name="field">Its name in the options of the trainer or, of a layer, of the layer.</param>
    /// <param name="layer">The layer's place, from 0; null for the trainer's options.</param>
    internal bool Searches(string field, int? layer) =>
        field is nameof(Options.OutputGoal) && layer is null && OutputGoal is not null
        || field is nameof(Options.Goal) && _goals.Any(goal => goal.Layer == layer)
        || _options.Any(o => o.Layer == layer && FieldOf(o.Option, layer) == field)
        || _choices.Any(choice => choice.Layer == layer && choice.Field.Name == field);

    // What is searched of hidden neurons, and of which layer.
    private IEnumerable<(string Name, int? Layer)> OfHiddenNeurons =>
        [
            .. _goals.Select(goal => ("the goal", goal.Layer)),
            .. _options.Where(o => IsOfHiddenNeurons(o.Option)).Select(o => (FieldOf(o.Option, o.Layer), o.Layer)),
            .. _choices.Where(choice => choice.Layer is not null).Select(choice => (choice.Field.Name, choice.Layer)),
        ];

    private TrainerSpace With(GoalSpace goal, int? layer)
    {
        _ = Over(goal, "FCL", "FC", "FL");
        ArgumentOutOfRangeException.ThrowIfNegative(layer ?? 0, nameof(layer));
        return new TrainerSpace(
            [.. _goals.RemoveAll(other => other.Layer == layer).Add((layer, goal)).OrderBy(other => other.Layer)],
            OutputGoal,
            _options,
            WithoutChoice(nameof(Options.Goal), layer)
        );
    }

    private TrainerSpace With(OptionChoice choice)
    {
        (string field, int? layer) = (choice.Field.Name, choice.Layer);
        return new TrainerSpace(
            field is nameof(Options.Goal) ? _goals.RemoveAll(goal => goal.Layer == layer) : _goals,
            field is nameof(Options.OutputGoal) && layer is null ? null : OutputGoal,
            _options.RemoveAll(o => o.Layer == layer && FieldOf(o.Option, layer) == field),
            WithoutChoice(field, layer).Add(choice)
        );
    }

    private ImmutableList<OptionChoice> WithoutChoice(string field, int? layer) =>
        _choices.RemoveAll(choice => choice.Layer == layer && choice.Field.Name == field);

    // The sources of hidden neurons that learn; empty where none does.
    private static string SourcesOf(Options options, int? layer)
    {
        (bool learns, ContextSignal context, bool lateralInput) =
            layer is int place && options.HiddenLayers![place] is var one
                ? (one.Learns, one.Context, one.LateralInput)
                : (options.HiddenLayer == HiddenLayerKind.Infomorphic, options.Context, options.LateralInput);
        return learns ? "F" + (context == ContextSignal.None ? "" : "C") + (lateralInput ? "L" : "") : "";
    }

    // "auto" is what the trainer takes it for.
    private static bool TryReadGoal(
        Options options,
        int? layer,
        [NotNullWhen(true)] out GoalFunction? goal,
        [NotNullWhen(false)] out string? reason
    )
    {
        string sources = SourcesOf(options, layer);
        string text = layer is int place ? options.HiddenLayers![place].Goal : options.Goal;
        if (text != s_auto || sources.Length == 1)
            return GoalFunction.TryParse(text, sources, out goal, out reason);
        goal = GoalFunctions.DefaultFor(sources);
        reason = null;
        return true;
    }

    // Whether there is what is searched.
    private bool IsFor(Options options, [NotNullWhen(false)] out string? reason)
    {
        reason = OfHiddenNeurons
            .Select(of => WhyNot(of.Name, of.Layer))
            .Concat(_goals.Select(goal => WhyNotOver(goal.Space.Start.Sources, goal.Layer)))
            .FirstOrDefault(why => why is not null);
        return reason is null;

        string? WhyNot(string name, int? layer) =>
            (layer, options.HiddenLayers) switch
            {
                (null, null) => null,
                (null, _) =>
                    $"The search space has {name} of a network of one hidden layer, and {nameof(Options.HiddenLayers)} has the layers: search it layer by layer.",
                (_, null) =>
                    $"The search space has {name} of {NameOf(layer)}, and {nameof(Options.HiddenLayers)} is null: give the trainer a list of layers, or search without a layer.",
                (int place, var layers) when place >= layers.Count =>
                    $"The search space has {name} of {NameOf(layer)}, and {NumberOf(layers.Count)}.",
                (int place, var layers) when layers[place] is null =>
                    $"{nameof(Options.HiddenLayers)}[{place}] is null.",
                (int place, var layers) when !layers[place].Learns && !IsOfAnyLayer(name) =>
                    $"The search space has {name} of {NameOf(layer)}, whose neurons do not learn.",
                _ => null,
            };

        // A goal over F and C would mean something else where there is L, too.
        string? WhyNotOver(string searched, int? layer)
        {
            string sources = SourcesOf(options, layer);
            return searched == sources ? null
                : sources.Length == 0
                    ? $"The search space has a goal, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}: its neurons have none."
                : layer is null
                    ? $"The goal that is searched is over the sources {searched}, and the hidden neurons have {sources}: {nameof(options.Context)} and {nameof(options.LateralInput)} decide the sources."
                : $"The goal that is searched of {NameOf(layer)} is over the sources {searched}, and its neurons have {sources}: {nameof(options.Context)} and {nameof(options.LateralInput)} decide the sources.";
        }
    }

    // Who has a published goal: the layers whose spaces hold it or, where no layers' goals are searched, the hidden neurons.
    private List<int?> TakersOf(GoalFunction preset, Options options) =>
        _goals.Any(goal => goal.Layer is not null)
            ? [.. _goals.Where(goal => goal.Space.TryGetValues(preset, out _, out _)).Select(goal => goal.Layer)]
        : SourcesOf(options, null) == preset.Sources ? [null]
        : [];

    // The point of options with another goal for those who take it.
    private bool TryGetPoint(
        GoalFunction? given,
        Predicate<int?> takes,
        Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        point = null;
        if (!IsFor(options, out reason))
            return false;
        List<double> values = [];
        foreach ((int? layer, GoalSpace space) in _goals)
        {
            GoalFunction? goal = takes(layer) ? given : null;
            if (
                (goal is null && !TryReadGoal(options, layer, out goal, out reason))
                || !TryAddValues(space, goal!, values, out reason)
            )
            {
                reason = layer is null ? reason! : $"In {NameOf(layer)}: {reason}";
                return false;
            }
        }
        if (
            OutputGoal is not null
            && (
                !GoalFunction.TryParse(
                    options.OutputGoal == "auto" ? "output" : options.OutputGoal,
                    "FC",
                    out GoalFunction? output,
                    out reason
                ) || !TryAddValues(OutputGoal, output, values, out reason)
            )
        )
            return false;
        foreach ((TrainerOption option, int? layer, Parameter parameter) in _options)
        {
            double value = Get(options, option, layer);
            if (!parameter.Contains(value))
            {
                reason =
                    $"{FieldOf(option, layer)}{(layer is null ? "" : $" of {NameOf(layer)}")} is {Text(value)}, outside its range in the search space.";
                return false;
            }
            values.Add(value);
        }
        foreach (OptionChoice choice in _choices)
        {
            object holder = Holder(options, choice.Layer);
            int index = choice.IndexIn(holder);
            if (index < 0)
            {
                reason =
                    $"{choice.Field.Name}{(choice.Layer is null ? "" : $" of {NameOf(choice.Layer)}")} is {OptionChoice.TextOf(choice.Field.GetValue(holder))}, which is none of its choices in the search space.";
                return false;
            }
            values.Add(index);
        }
        point = ToSearchSpace().CreatePoint([.. values]);
        reason = null;
        return true;
    }

    private static GoalSpace Over(GoalSpace goal, params ReadOnlySpan<string> sources)
    {
        ArgumentNullException.ThrowIfNull(goal);
        return sources.Contains(goal.Start.Sources)
            ? goal
            : throw new ArgumentException(
                $"These neurons' goal is over the sources {string.Join(" or ", sources!)}, and the goal space over {goal.Start.Sources}.",
                nameof(goal)
            );
    }

    private static bool TryAddValues(
        GoalSpace space,
        GoalFunction goal,
        List<double> values,
        [NotNullWhen(false)] out string? reason
    )
    {
        if (!space.TryGetValues(goal, out IReadOnlyList<double>? weights, out reason))
            return false;
        values.AddRange(weights);
        return true;
    }

    private static bool IsOfHiddenNeurons(TrainerOption option) =>
        option is not (TrainerOption.BatchSize or TrainerOption.OutputLearningRate or TrainerOption.OutputWeightDecay);

    // What a layer has whether its neurons learn or not.
    private static bool IsOfAnyLayer(string field) =>
        field
            is nameof(HiddenLayerOptions.NumberOfNeurons)
                or nameof(HiddenLayerOptions.Learns)
                or nameof(HiddenLayerOptions.Inputs)
                or nameof(HiddenLayerOptions.Connections);

    private static string NameOf(int? layer) =>
        string.Create(CultureInfo.InvariantCulture, $"hidden layer {layer + 1}");

    private static string NumberOf(int layers) =>
        layers == 1
            ? "there is 1 hidden layer"
            : string.Create(CultureInfo.InvariantCulture, $"there are {layers} hidden layers");

    // An option's name in the options of the trainer, or of a layer.
    private static string FieldOf(TrainerOption option, int? layer) =>
        option == TrainerOption.NumberOfHiddenNeurons && layer is not null
            ? nameof(HiddenLayerOptions.NumberOfNeurons)
            : option.ToString();

    private static object Holder(Options options, int? layer) =>
        layer is int place ? options.HiddenLayers![place] : options;

    private static double Get(Options options, TrainerOption option, int? layer)
    {
        object holder = Holder(options, layer);
        if (OptionFields.Get(holder, FieldOf(option, layer)) is double value)
            return value;

        // The largest number of lateral connections is then 100, or all where there are fewer; others follow from the data, and
        // the paper's are as good a place to begin as any.
        return option == TrainerOption.MaximumLateralConnections
            ? Math.Min(100, OptionFields.Get(holder, FieldOf(TrainerOption.NumberOfHiddenNeurons, layer)) ?? 100)
            : OptionFields.Get(Options.Paper(), option.ToString())!.Value;
    }

    private static (double Smallest, double Largest, bool Whole) LimitsOf(TrainerOption option) =>
        option switch
        {
            TrainerOption.NumberOfHiddenNeurons => (1, int.MaxValue, true),
            TrainerOption.BatchSize => (2, int.MaxValue, true),
            TrainerOption.MaximumLateralConnections => (1, int.MaxValue, true),
            TrainerOption.NumberOfBins => (2, Kernels.Binning.MaximumCount, true),
            TrainerOption.BinningRange => (double.Epsilon, double.MaxValue, false),
            TrainerOption.Alpha1
            or TrainerOption.Alpha2
            or TrainerOption.Beta1
            or TrainerOption.Beta2
            or TrainerOption.BivariateK
            or TrainerOption.BivariateBeta => (double.MinValue, double.MaxValue, false),
            TrainerOption.LearningRate or TrainerOption.OutputLearningRate => (double.Epsilon, double.MaxValue, false),
            TrainerOption.WeightDecay or TrainerOption.OutputWeightDecay => (0, double.MaxValue, false),
            _ => throw new ArgumentOutOfRangeException(nameof(option), option, "There is no such option."),
        };

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
