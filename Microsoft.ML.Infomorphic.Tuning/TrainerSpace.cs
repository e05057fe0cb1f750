using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// What a sweep over the trainer searches: the weights γ of its hidden neurons' goal, those of its output neurons' goal,
/// and other options, all in one <see cref="SearchSpace"/>. Immutable: every method returns a new space.
/// </summary>
/// <remarks>
/// Parameters of the hidden goal are named as in <see cref="GoalSpace"/>, those of the output goal likewise after
/// "output ", and options by their names. What is not searched is left as it is in the options that a point is
/// applied to; a fixed weight of a goal space is part of the space.
/// </remarks>
public sealed class TrainerSpace
{
    private const string OutputPrefix = "output ";

    private static readonly string s_auto = new InfomorphicTrainer.Options().Goal;

    private readonly ImmutableList<(TrainerOption Option, Parameter Parameter)> _options;

    private TrainerSpace(
        GoalSpace? goal,
        GoalSpace? outputGoal,
        ImmutableList<(TrainerOption Option, Parameter Parameter)> options
    )
    {
        Goal = goal;
        OutputGoal = outputGoal;
        _options = options;
    }

    /// <summary>A space in which nothing is searched yet.</summary>
    public static TrainerSpace Empty { get; } = new(null, null, []);

    /// <summary>What of the hidden neurons' goal is searched; null for nothing.</summary>
    public GoalSpace? Goal { get; }

    /// <summary>What of the output neurons' goal is searched; null for nothing.</summary>
    public GoalSpace? OutputGoal { get; }

    /// <summary>Searches the hidden neurons' goal.</summary>
    /// <param name="goal">
    /// The goal space, over the sources that the trainer's options give the hidden neurons: F, C and L; F and C; or F and L.
    /// </param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources.</exception>
    public TrainerSpace WithGoal(GoalSpace goal) => new(Over(goal, "FCL", "FC", "FL"), OutputGoal, _options);

    /// <summary>Searches the output neurons' goal.</summary>
    /// <param name="goal">The goal space, over F and C.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources.</exception>
    public TrainerSpace WithOutputGoal(GoalSpace goal) => new(Goal, Over(goal, "FC"), _options);

    /// <summary>Searches an option, or changes its range.</summary>
    /// <param name="option">The option.</param>
    /// <param name="low">The lower bound, which the trainer must take; whole for an option that is a whole number.</param>
    /// <param name="high">The upper bound, likewise, above the lower one.</param>
    /// <param name="logarithmic">Whether equal ratios, not equal differences, are equally large steps.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The bounds contradict each other, or the trainer does not take them.</exception>
    public TrainerSpace With(TrainerOption option, double low, double high, bool logarithmic = false)
    {
        (double smallest, double largest, bool whole) = LimitsOf(option);
        if (!(low >= smallest && high <= largest))
            throw new ArgumentException(
                $"The trainer takes a {option} of {Text(smallest)} to {Text(largest)}, and the bounds are {Text(low)} and {Text(high)}."
            );
        if (whole && (low != Math.Round(low) || high != Math.Round(high)))
            throw new ArgumentException(
                $"{option} is a whole number, and its bounds are {Text(low)} and {Text(high)}."
            );
        Parameter parameter = whole
            ? new IntegerParameter(option.ToString(), (int)low, (int)high, logarithmic)
            : new RealParameter(option.ToString(), low, high, logarithmic);
        return new TrainerSpace(Goal, OutputGoal, _options.RemoveAll(o => o.Option == option).Add((option, parameter)));
    }

    /// <summary>The search space: the hidden goal's parameters, the output goal's, then the options in the order in which they were added.</summary>
    /// <returns>The search space.</returns>
    /// <exception cref="ArgumentException">Nothing is free.</exception>
    public SearchSpace ToSearchSpace()
    {
        Parameter[] parameters =
        [
            .. Goal?.Parameters ?? [],
            .. (OutputGoal?.Parameters ?? []).Select(p => new RealParameter(OutputPrefix + p.Name, p.Low, p.High)),
            .. _options.Select(o => o.Parameter),
        ];
        return parameters.Length > 0
            ? new SearchSpace(parameters)
            : throw new ArgumentException(
                "The search space is empty: free a weight of the goal with GoalSpace.Free, or add an option with TrainerSpace.With."
            );
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
        ]);

    /// <summary>Sets a trainer's options to a point. Options that are not searched stay.</summary>
    /// <param name="point">A point of <see cref="ToSearchSpace"/>.</param>
    /// <param name="options">The options to change.</param>
    /// <exception cref="ArgumentException">The goal that is searched is over other sources than the hidden neurons have.</exception>
    public void Apply(ParameterPoint point, InfomorphicTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(point);
        ArgumentNullException.ThrowIfNull(options);
        if (IsOverOtherSources(options, out string? reason))
            throw new ArgumentException(reason, nameof(options));
        if (Goal is not null)
            options.Goal = Goal.GoalAt(name => point[name]).ToString();
        if (OutputGoal is not null)
            options.OutputGoal = OutputGoal.GoalAt(name => point[OutputPrefix + name]).ToString();
        foreach ((TrainerOption option, Parameter parameter) in _options)
            Set(options, option, point[parameter.Name]);
        // Where both are searched, a point may allow more connections than it has neurons: all, then.
        if (options.MaximumLateralConnections > options.NumberOfHiddenNeurons)
            options.MaximumLateralConnections = options.NumberOfHiddenNeurons;
    }

    /// <summary>The point of a trainer's options, for instance to begin the search with it.</summary>
    /// <param name="options">The options.</param>
    /// <param name="point">The point; null where the space does not hold the options.</param>
    /// <param name="reason">Why it does not, in one sentence; null where it does.</param>
    /// <returns>Whether the space holds the options.</returns>
    public bool TryGetPoint(
        InfomorphicTrainer.Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        point = null;
        return !IsOverOtherSources(options, out reason)
            && TryReadGoal(options, out GoalFunction? goal, out reason)
            && TryGetPointOf(goal, options, out point, out reason);
    }

    /// <summary>The point of a goal of the hidden neurons, such as a published one, with other options as given.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="options">The other options.</param>
    /// <param name="point">The point; null where the space does not hold it.</param>
    /// <param name="reason">Why it does not, in one sentence; null where it does.</param>
    /// <returns>Whether the space holds the goal and the options.</returns>
    public bool TryGetPoint(
        GoalFunction goal,
        InfomorphicTrainer.Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(options);
        point = null;
        return !IsOverOtherSources(options, out reason) && TryGetPointOf(goal, options, out point, out reason);
    }

    /// <summary>The published goals of such hidden neurons that the space holds, with other options as given.</summary>
    /// <param name="options">The other options.</param>
    /// <returns>Their points, in the order of <see cref="GoalFunctions.All"/>, each once.</returns>
    public IReadOnlyList<ParameterPoint> GetPresetPoints(InfomorphicTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return
        [
            .. GoalFunctions
                .All.Where(preset => preset.Goal.Sources == SourcesOf(options))
                .Select(preset => TryGetPoint(preset.Goal, options, out ParameterPoint? point, out _) ? point : null)
                .OfType<ParameterPoint>()
                .Distinct(),
        ];
    }

    /// <summary>The goal of hidden neurons with these options; null where they have none.</summary>
    /// <exception cref="ArgumentException">It does not parse.</exception>
    internal static GoalFunction? GoalOf(InfomorphicTrainer.Options options) =>
        SourcesOf(options).Length == 0 ? null
        : TryReadGoal(options, out GoalFunction? goal, out string? reason) ? goal
        : throw new ArgumentException(reason, nameof(options));

    // The sources of hidden neurons that learn; empty where none does.
    private static string SourcesOf(InfomorphicTrainer.Options options) =>
        options.HiddenLayer != HiddenLayerKind.Infomorphic
            ? ""
            : "F" + (options.Context == ContextSignal.None ? "" : "C") + (options.LateralInput ? "L" : "");

    // "auto" is what the trainer takes it for.
    private static bool TryReadGoal(
        InfomorphicTrainer.Options options,
        [NotNullWhen(true)] out GoalFunction? goal,
        [NotNullWhen(false)] out string? reason
    )
    {
        string sources = SourcesOf(options) is { Length: > 0 } own ? own : "FCL";
        if (options.Goal != s_auto || sources.Length == 1)
            return GoalFunction.TryParse(options.Goal, sources, out goal, out reason);
        goal = GoalFunctions.DefaultFor(sources);
        reason = null;
        return true;
    }

    // A goal over F and C would mean something else where there is L, too.
    private bool IsOverOtherSources(InfomorphicTrainer.Options options, [NotNullWhen(true)] out string? reason)
    {
        string sources = SourcesOf(options);
        reason =
            Goal is null || Goal.Start.Sources == sources ? null
            : sources.Length == 0
                ? $"The search space has a goal, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}: its neurons have none."
            : $"The goal that is searched is over the sources {Goal.Start.Sources}, and the hidden neurons have {sources}: {nameof(options.Context)} and {nameof(options.LateralInput)} decide the sources.";
        return reason is not null;
    }

    private bool TryGetPointOf(
        GoalFunction goal,
        InfomorphicTrainer.Options options,
        [NotNullWhen(true)] out ParameterPoint? point,
        [NotNullWhen(false)] out string? reason
    )
    {
        point = null;
        List<double> values = [];
        if (!TryAddValues(Goal, goal, values, out reason))
            return false;
        if (OutputGoal is not null)
        {
            if (
                !GoalFunction.TryParse(options.OutputGoal, "FC", out GoalFunction? output, out reason)
                || !TryAddValues(OutputGoal, output, values, out reason)
            )
                return false;
        }
        foreach ((TrainerOption option, Parameter parameter) in _options)
        {
            double value = Get(options, option);
            if (!parameter.Contains(value))
            {
                reason = $"{option} is {Text(value)}, outside its range in the search space.";
                return false;
            }
            values.Add(value);
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
        GoalSpace? space,
        GoalFunction goal,
        List<double> values,
        [NotNullWhen(false)] out string? reason
    )
    {
        reason = null;
        if (space is null)
            return true;
        if (!space.TryGetValues(goal, out IReadOnlyList<double>? weights, out reason))
            return false;
        values.AddRange(weights);
        return true;
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

    private static double Get(InfomorphicTrainer.Options options, TrainerOption option) =>
        option switch
        {
            TrainerOption.NumberOfHiddenNeurons => options.NumberOfHiddenNeurons,
            TrainerOption.BatchSize => options.BatchSize,
            // Null is 100, or all where there are fewer.
            TrainerOption.MaximumLateralConnections => options.MaximumLateralConnections
                ?? Math.Min(100, options.NumberOfHiddenNeurons),
            TrainerOption.NumberOfBins => options.NumberOfBins,
            TrainerOption.BinningRange => options.BinningRange,
            TrainerOption.Alpha1 => options.Alpha1,
            TrainerOption.Alpha2 => options.Alpha2,
            TrainerOption.Beta1 => options.Beta1,
            TrainerOption.Beta2 => options.Beta2,
            TrainerOption.LearningRate => options.LearningRate,
            TrainerOption.WeightDecay => options.WeightDecay,
            TrainerOption.OutputLearningRate => options.OutputLearningRate,
            TrainerOption.OutputWeightDecay => options.OutputWeightDecay,
            TrainerOption.BivariateK => options.BivariateK,
            TrainerOption.BivariateBeta => options.BivariateBeta,
            _ => throw new ArgumentOutOfRangeException(nameof(option), option, "There is no such option."),
        };

    private static void Set(InfomorphicTrainer.Options options, TrainerOption option, double value)
    {
        switch (option)
        {
            case TrainerOption.NumberOfHiddenNeurons:
                options.NumberOfHiddenNeurons = (int)value;
                break;
            case TrainerOption.BatchSize:
                options.BatchSize = (int)value;
                break;
            case TrainerOption.MaximumLateralConnections:
                options.MaximumLateralConnections = (int)value;
                break;
            case TrainerOption.NumberOfBins:
                options.NumberOfBins = (int)value;
                break;
            case TrainerOption.BinningRange:
                options.BinningRange = value;
                break;
            case TrainerOption.Alpha1:
                options.Alpha1 = value;
                break;
            case TrainerOption.Alpha2:
                options.Alpha2 = value;
                break;
            case TrainerOption.Beta1:
                options.Beta1 = value;
                break;
            case TrainerOption.Beta2:
                options.Beta2 = value;
                break;
            case TrainerOption.LearningRate:
                options.LearningRate = value;
                break;
            case TrainerOption.WeightDecay:
                options.WeightDecay = value;
                break;
            case TrainerOption.OutputLearningRate:
                options.OutputLearningRate = value;
                break;
            case TrainerOption.OutputWeightDecay:
                options.OutputWeightDecay = value;
                break;
            case TrainerOption.BivariateK:
                options.BivariateK = value;
                break;
            case TrainerOption.BivariateBeta:
                options.BivariateBeta = value;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(option), option, "There is no such option.");
        }
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
