using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// Which weights γ of a goal are searched: any subset of its atoms and its residual entropy is free, within ranges; groups
/// of them may be tied to one value; the rest stays at the values of the goal that the space starts from. Immutable: every
/// method returns a new space.
/// </summary>
/// <remarks>
/// Atoms are named in the paper's notation, such as "{F}{CL}", and the residual entropy is "H_res". A parameter has the
/// name of its atom, or the names of its tied atoms, joined by "=". The paper's own sweeps are
/// <c>GoalSpace.From(goal).FreeAll(-1, 1)</c>.
/// </remarks>
public sealed class GoalSpace
{
    /// <summary>The name of the residual entropy's weight.</summary>
    public const string ResidualEntropy = "H_res";

    // Each weight's range; null where it is fixed at the start's value.
    private readonly ImmutableArray<(double Low, double High)?> _ranges;

    private readonly bool _rewardsInformation;

    // Each weight's group: tied weights have the same number, that of the group's first weight.
    private readonly ImmutableArray<int> _groups;

    private GoalSpace(
        GoalFunction start,
        ImmutableArray<(double, double)?> ranges,
        ImmutableArray<int> groups,
        bool rewardsInformation
    )
    {
        Start = start;
        _ranges = ranges;
        _groups = groups;
        _rewardsInformation = rewardsInformation;
    }

    /// <summary>The goal whose values fixed weights have.</summary>
    public GoalFunction Start { get; }

    /// <summary>A space in which nothing is free yet.</summary>
    /// <param name="start">The goal to start from, such as one of <see cref="GoalFunctions"/>.</param>
    /// <returns>The space.</returns>
    public static GoalSpace From(GoalFunction start)
    {
        ArgumentNullException.ThrowIfNull(start);
        int count = start.Gamma.Count;
        return new GoalSpace(start, [.. new (double, double)?[count]], [.. Enumerable.Range(0, count)], false);
    }

    /// <summary>Frees every weight, the residual entropy's included.</summary>
    /// <param name="low">The lower bound, finite.</param>
    /// <param name="high">The upper bound, finite, above the lower one.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The bounds contradict each other.</exception>
    public GoalSpace FreeAll(double low, double high) => Free(low, high, [.. Names]);

    /// <summary>
    /// Frees the weight of every atom, and leaves the residual entropy's at the start's value: where it is far from 0, neurons become
    /// noise or constant, whatever the atoms' weights are.
    /// </summary>
    /// <param name="low">The lower bound, finite.</param>
    /// <param name="high">The upper bound, finite, above the lower one.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The bounds contradict each other.</exception>
    public GoalSpace FreeAtoms(double low, double high) => Free(low, high, [.. Names.SkipLast(1)]);

    /// <summary>
    /// Has goals that are drawn at random reward the information that untrained neurons have: of a random goal and its opposite, the
    /// one that does so more. Neurons with the other one unlearn what they happen to know, until they say nothing and have nothing
    /// to learn from. Goals that a tuner learns from trials, and those that it is given, may be of either kind.
    /// </summary>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal is over other sources than F, C and L; F and C; or F and L.</exception>
    /// <remarks>Of random goals over all 19 weights most never leave chance: see the page on tuning for how many, and with what this leaves.</remarks>
    public GoalSpace RewardInformation()
    {
        _ = UntrainedShares(Start.Sources);
        return new GoalSpace(Start, _ranges, _groups, true);
    }

    // The information that an untrained neuron's output has of its sources, by the atoms, in the lattice's order and as shares of
    // the whole: the neuron is driven by F, knows of C and L what F does, and has negative unique information of them. Means
    // of 100 neurons in set-up 1 over MNIST and seven tables, which hardly differ (cosines of 0.95 and more). Those over two sources
    // are the sums of the atoms over three that each consists of.
    private static double[] UntrainedShares(string sources) =>
        sources switch
        {
            "FCL" =>
            [
                0.11, // {F}{C}{L}
                0.12, // {F}{C}
                0.36, // {F}{L}
                -0.09, // {C}{L}
                0.01, // {F}{CL}
                0.03, // {C}{FL}
                0.02, // {L}{FC}
                0.37, // {F}
                -0.13, // {C}
                -0.38, // {L}
                0.01, // {FC}{FL}{CL}
                0.04, // {FC}{FL}
                0.05, // {FC}{CL}
                0.06, // {FL}{CL}
                0.09, // {FC}
                0.33, // {FL}
                -0.11, // {CL}
                0.12, // {FCL}
            ],
            "FC" => [0.74, -0.19, 0.23, 0.21], // {F}, {C}, {F}{C}, {FC}
            "FL" => [0.50, -0.45, 0.47, 0.46], // {F}, {L}, {F}{L}, {FL}
            _ => throw new ArgumentException(
                $"What untrained neurons know is told for goals over the sources FCL, FC and FL, and the goal is over {sources}."
            ),
        };

    /// <summary>Which of opposite goals are drawn at random; null for any.</summary>
    /// <param name="prefix">What comes before the names of parameters.</param>
    internal ParameterOrientation? OrientationOf(string prefix)
    {
        if (!_rewardsInformation || Parameters.Count == 0)
            return null;
        double[] shares = [.. UntrainedShares(Start.Sources), 0]; // the residual entropy is no information
        int[] free = [.. Enumerable.Range(0, _groups.Length).Where(i => _groups[i] == i && _ranges[i] is not null)];
        return new ParameterOrientation(
            [.. Parameters.Select(parameter => prefix + parameter.Name)],
            [.. free.Select(group => shares.Where((_, i) => _groups[i] == group).Sum())]
        );
    }

    /// <summary>Frees weights, or changes their range; weights tied to them follow.</summary>
    /// <param name="low">The lower bound, finite.</param>
    /// <param name="high">The upper bound, finite, above the lower one.</param>
    /// <param name="atoms">The atoms, such as "{F}{C}", or "H_res".</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The bounds contradict each other, or the goal has no such atom.</exception>
    public GoalSpace Free(double low, double high, params IReadOnlyList<string> atoms)
    {
        ArgumentNullException.ThrowIfNull(atoms);
        foreach (string atom in atoms)
            _ = new RealParameter(atom, low, high); // says what is wrong with bounds
        return WithRange(atoms, (low, high));
    }

    /// <summary>Fixes weights at the start's values; weights tied to them follow.</summary>
    /// <param name="atoms">The atoms, such as "{F}{C}", or "H_res".</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal has no such atom, or tied weights have different values in the start.</exception>
    public GoalSpace Fix(params IReadOnlyList<string> atoms)
    {
        ArgumentNullException.ThrowIfNull(atoms);
        GoalSpace space = WithRange(atoms, null);
        foreach (int index in atoms.Select(IndexOf))
            space.RequireEqualStart(_groups[index]);
        return space;
    }

    /// <summary>Fixes a weight at a value; weights tied to it follow.</summary>
    /// <param name="atom">The atom, such as "{F}{C}", or "H_res".</param>
    /// <param name="value">The value, finite.</param>
    /// <returns>The new space, with a start that has the value.</returns>
    /// <exception cref="ArgumentException">The goal has no such atom, or the value is not finite.</exception>
    public GoalSpace FixAt(string atom, double value)
    {
        int group = _groups[IndexOf(atom)];
        double[] gamma = [.. Start.Gamma];
        for (int i = 0; i < gamma.Length; i++)
            if (_groups[i] == group)
                gamma[i] = value;
        var start = GoalFunction.FromGamma(Start.Sources, gamma);
        return new GoalSpace(start, _ranges, _groups, _rewardsInformation).WithRange([atom], null);
    }

    /// <summary>Ties free weights to one value. The range is the first one's.</summary>
    /// <param name="atoms">At least two atoms, such as "{F}{CL}" and "{C}{FL}", or "H_res".</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">
    /// The goal has no such atom, there are fewer than two, or they are fixed and have different values in the start.
    /// </exception>
    public GoalSpace Tie(params IReadOnlyList<string> atoms)
    {
        ArgumentNullException.ThrowIfNull(atoms);
        if (atoms.Count < 2)
            throw new ArgumentException("A tie needs at least two atoms.", nameof(atoms));
        int[] indices = [.. atoms.Select(IndexOf)];
        HashSet<int> tied = [.. indices.Select(i => _groups[i])];
        int group = tied.Min();
        ImmutableArray<int> groups = [.. _groups.Select(g => tied.Contains(g) ? group : g)];
        (double, double)? range = _ranges[indices[0]];
        var space = new GoalSpace(
            Start,
            [.. _ranges.Select((r, i) => groups[i] == group ? range : r)],
            groups,
            _rewardsInformation
        );
        space.RequireEqualStart(group);
        return space;
    }

    /// <summary>
    /// Ties every atom to the one that it becomes when two sources change places: the goal then treats them alike.
    /// {F}{CL} is tied to {C}{FL} where F and C change places.
    /// </summary>
    /// <param name="first">One source.</param>
    /// <param name="second">The other source.</param>
    /// <returns>The new space.</returns>
    /// <exception cref="ArgumentException">The goal has no such source, or the two atoms are fixed and differ in the start.</exception>
    public GoalSpace TieSymmetric(char first, char second)
    {
        int a = Start.Sources.IndexOf(first, StringComparison.Ordinal);
        int b = Start.Sources.IndexOf(second, StringComparison.Ordinal);
        if (a < 0 || b < 0 || a == b)
            throw new ArgumentException(
                $"The goal is over the sources {Start.Sources}; two different ones of them can change places, and {first} and {second} were given."
            );
        GoalSpace space = this;
        for (int i = 0; i < Start.Lattice.Antichains.Count; i++)
        {
            int j = Start.Lattice.IndexOf(
                new Antichain([.. Start.Lattice.Antichains[i].Subsets.Select(subset => Exchange(subset, a, b))])
            );
            if (i < j)
                space = space.Tie(NameOf(i), NameOf(j));
        }
        return space;
    }

    /// <summary>The free parameters, in the order of γ; empty where nothing is free.</summary>
    public IReadOnlyList<RealParameter> Parameters =>
        [
            .. from index in Enumerable.Range(0, _groups.Length)
            where _groups[index] == index && _ranges[index] is not null
            let range = _ranges[index]!.Value
            select new RealParameter(ParameterName(index), range.Low, range.High),
        ];

    /// <summary>Differs where parameters, ties or fixed values differ; 32 hexadecimal digits.</summary>
    public string Fingerprint => SearchSpace.Hash(Signature);

    internal IEnumerable<string> Signature => [.. Weights, .. Rule];

    private IEnumerable<string> Weights =>
        from index in Enumerable.Range(0, _groups.Length)
        let text = _ranges[index] is null
            ? Start.Gamma[index].ToString("R", CultureInfo.InvariantCulture)
            : Parameters.First(p => p.Name == ParameterName(_groups[index])).Signature
        select $"{Start.Sources} {NameOf(index)} {text}";

    // The fingerprint of spaces without it is what it always was.
    private IEnumerable<string> Rule => _rewardsInformation ? ["rewards information"] : [];

    /// <summary>The goal at a point.</summary>
    /// <param name="value">The value of a free parameter, by its name.</param>
    /// <returns>The goal.</returns>
    public GoalFunction GoalAt(Func<string, double> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        double[] gamma = [.. Start.Gamma];
        for (int i = 0; i < gamma.Length; i++)
            if (_ranges[i] is not null)
                gamma[i] = value(ParameterName(_groups[i]));
        return GoalFunction.FromGamma(Start.Sources, gamma);
    }

    /// <summary>The values of the free parameters with which the space gives a goal.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="values">A value for each of <see cref="Parameters"/>; null where the space does not hold the goal.</param>
    /// <param name="reason">Why it does not, in one sentence; null where it does.</param>
    /// <returns>Whether the space holds the goal.</returns>
    public bool TryGetValues(
        GoalFunction goal,
        [NotNullWhen(true)] out IReadOnlyList<double>? values,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(goal);
        values = null;
        reason = null;
        if (goal.Sources != Start.Sources)
        {
            reason = $"The goal is over the sources {goal.Sources}, and the search space over {Start.Sources}.";
            return false;
        }
        for (int i = 0; i < _groups.Length && reason is null; i++)
        {
            double weight = goal.Gamma[i];
            if (_ranges[i] is not (double low, double high))
            {
                if (weight != Start.Gamma[i])
                    reason =
                        $"The goal's weight of {NameOf(i)} is {Text(weight)}, and the search space fixes it at {Text(Start.Gamma[i])}.";
            }
            else if (weight != goal.Gamma[_groups[i]])
                reason =
                    $"The search space ties {NameOf(i)} to {NameOf(_groups[i])}, and the goal's weights are {Text(weight)} and {Text(goal.Gamma[_groups[i]])}.";
            else if (!(weight >= low && weight <= high))
                reason =
                    $"The goal's weight of {NameOf(i)} is {Text(weight)}, outside the search space's range from {Text(low)} to {Text(high)}.";
        }
        if (reason is not null)
            return false;
        values =
        [
            .. Enumerable
                .Range(0, _groups.Length)
                .Where(i => _groups[i] == i && _ranges[i] is not null)
                .Select(i => goal.Gamma[i]),
        ];
        return true;
    }

    private IEnumerable<string> Names => Enumerable.Range(0, Start.Gamma.Count).Select(NameOf);

    private string NameOf(int index) =>
        index < Start.Lattice.Antichains.Count
            ? Start.Lattice.Antichains[index].ToString(Start.Sources)
            : ResidualEntropy;

    private string ParameterName(int group) =>
        string.Join('=', Enumerable.Range(0, _groups.Length).Where(i => _groups[i] == group).Select(NameOf));

    private int IndexOf(string atom)
    {
        ArgumentNullException.ThrowIfNull(atom);
        if (atom is ResidualEntropy)
            return Start.Gamma.Count - 1;
        int index;
        try
        {
            index = Start.Lattice.IndexOf(Antichain.Parse(atom, Start.Sources));
        }
        catch (FormatException exception)
        {
            throw new ArgumentException($"The goal has no atom {atom}: {exception.Message}", nameof(atom), exception);
        }
        return index;
    }

    private GoalSpace WithRange(IReadOnlyList<string> atoms, (double, double)? range)
    {
        HashSet<int> groups = [.. atoms.Select(atom => _groups[IndexOf(atom)])];
        return new GoalSpace(
            Start,
            [.. _ranges.Select((r, i) => groups.Contains(_groups[i]) ? range : r)],
            _groups,
            _rewardsInformation
        );
    }

    private void RequireEqualStart(int group)
    {
        int[] members = [.. Enumerable.Range(0, _groups.Length).Where(i => _groups[i] == group)];
        int other = members.FirstOrDefault(i => Start.Gamma[i] != Start.Gamma[group], -1);
        if (_ranges[group] is null && other >= 0)
            throw new ArgumentException(
                $"{NameOf(group)} and {NameOf(other)} are tied, but fixed at {Text(Start.Gamma[group])} and {Text(Start.Gamma[other])}: free them, or start from a goal in which they are equal."
            );
    }

    private static int Exchange(int subset, int a, int b)
    {
        int rest = subset & ~(1 << a | 1 << b);
        return rest | (subset >> a & 1) << b | (subset >> b & 1) << a;
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
