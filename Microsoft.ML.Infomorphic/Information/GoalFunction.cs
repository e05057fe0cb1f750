using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.Infomorphic.Information;

// arXiv 2412.02482, section 2 and eq. 2 (two sources): G = Σ_α γ_α Π_α + γ_res H_res.
//
// symbol   variable                 shape   unit           meaning
// γ_α      Gamma[α]                 A       1              weight of the atom α, in the lattice's order
// γ_res    ResidualWeight           1       1              weight of the residual entropy, the last of Gamma
// c_β      RedundancyCoefficients   A       1              weight of the redundancy β: c = Mᵀ γ
// Π_α                               A       bits           information atom
// H_res                             1       bits           residual entropy H(Y) − I(Y : all sources)

/// <summary>
/// What a neuron maximises: a weighted sum of the information atoms of its sources about its output, and of its
/// residual entropy, G = Σ_α γ_α Π_α + γ_res H_res, in bits. Immutable, equal by value.
/// </summary>
/// <remarks>Source: arXiv 2412.02482, section 2. Published goals are in <see cref="GoalFunctions"/>.</remarks>
public sealed partial class GoalFunction : IEquatable<GoalFunction>
{
    private readonly double[] _gamma;
    private readonly double[] _c;

    private GoalFunction(string sources, double[] gamma)
    {
        Sources = sources;
        Lattice = RedundancyLattice.ForSources(sources.Length);
        _gamma = gamma;
        _c = new double[Lattice.Antichains.Count];
        for (int beta = 0; beta < _c.Length; beta++)
        for (int alpha = 0; alpha < _c.Length; alpha++)
            _c[beta] += Lattice.MoebiusInverse[alpha, beta] * gamma[alpha]; // c = Mᵀ γ
        Gamma = Array.AsReadOnly(_gamma);
        RedundancyCoefficients = Array.AsReadOnly(_c);
    }

    /// <summary>One letter or digit for each source, such as "FCL": 1 to 4 of them.</summary>
    public string Sources { get; }

    /// <summary>The lattice that orders the atoms.</summary>
    public RedundancyLattice Lattice { get; }

    /// <summary>
    /// γ: the weights of the atoms, in the order of <see cref="RedundancyLattice.Antichains"/>, then that of the residual
    /// entropy; 2, 5, 19 or 167 finite numbers.
    /// </summary>
    public ReadOnlyCollection<double> Gamma { get; }

    /// <summary>
    /// c = Mᵀ γ: the weights of the redundancies, in the order of <see cref="RedundancyLattice.Antichains"/>, so that
    /// G = Σ_β c_β I_β + γ_res H_res.
    /// </summary>
    public ReadOnlyCollection<double> RedundancyCoefficients { get; }

    /// <summary>γ_res: the weight of the residual entropy.</summary>
    public double ResidualWeight => _gamma[^1];

    /// <summary>The weight of an atom.</summary>
    /// <param name="antichain">The atom's antichain.</param>
    /// <exception cref="ArgumentException">The antichain names a source that the goal does not have.</exception>
    public double this[Antichain antichain]
    {
        get
        {
            int index = Lattice.IndexOf(antichain);
            return index >= 0
                ? _gamma[index]
                : throw new ArgumentException(
                    $"The antichain {antichain} is not over the {Sources.Length} sources {Sources} of the goal.",
                    nameof(antichain)
                );
        }
    }

    /// <summary>Creates a goal function from its weights.</summary>
    /// <param name="sources">One letter or digit for each source, 1 to 4 of them, all different.</param>
    /// <param name="gamma">
    /// γ: the weights of the atoms in the order of <see cref="RedundancyLattice.Antichains"/>, then that of the residual
    /// entropy; 2, 5, 19 or 167 finite numbers.
    /// </param>
    /// <returns>The goal function.</returns>
    /// <exception cref="ArgumentException">The number of weights does not fit, a weight is not finite, or the sources are not valid.</exception>
    public static GoalFunction FromGamma(string sources, ReadOnlySpan<double> gamma)
    {
        NotationReader.ValidateSources(sources);
        int expected = RedundancyLattice.ForSources(sources.Length).Antichains.Count + 1;
        if (gamma.Length != expected)
            throw new ArgumentException(
                $"A goal over the {sources.Length} sources {sources} has {expected} weights and got {gamma.Length}.",
                nameof(gamma)
            );
        double[] weights = new double[expected];
        for (int i = 0; i < expected; i++)
        {
            if (!double.IsFinite(gamma[i]))
                throw new ArgumentException(
                    $"Every weight of a goal is a finite number; weight {i} is {gamma[i].ToString(CultureInfo.InvariantCulture)}.",
                    nameof(gamma)
                );
            weights[i] = gamma[i] + 0.0; // −0 becomes 0: equal goals have equal hash codes and equal texts
        }
        return new GoalFunction(sources, weights);
    }

    /// <summary>
    /// Reads a goal function: in the paper's notation, such as "0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL} + 0.035H_res",
    /// or by the name of a published one, such as "opt_1_100_tpe" (see <see cref="GoalFunctions"/>).
    /// </summary>
    /// <param name="text">
    /// The text. An optional '*' after a coefficient, spaces, the minus sign U+2212, scientific notation and Hres for
    /// H_res are allowed; repeated atoms add up. Numbers have a decimal point whatever the culture.
    /// </param>
    /// <param name="sources">One letter or digit for each source, 1 to 4 of them, all different.</param>
    /// <returns>The goal function.</returns>
    /// <exception cref="FormatException">
    /// The text does not parse; the message holds the position, counted from 1, and what was expected.
    /// </exception>
    /// <exception cref="ArgumentException">The sources are not 1 to 4 different letters or digits.</exception>
    public static GoalFunction Parse(string text, string sources = "FCL")
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, sources, out GoalFunction? goal, out string? error)
            ? goal
            : throw new FormatException(error);
    }

    /// <summary>Reads a goal function like <see cref="Parse"/>, without throwing where the text does not parse.</summary>
    /// <param name="text">The text.</param>
    /// <param name="sources">One letter or digit for each source, 1 to 4 of them, all different.</param>
    /// <param name="goal">The goal function; null where the text does not parse.</param>
    /// <param name="error">Why the text does not parse, as one sentence with the position; null where it does.</param>
    /// <returns>Whether the text parses.</returns>
    /// <exception cref="ArgumentException">The sources are not 1 to 4 different letters or digits.</exception>
    public static bool TryParse(
        [NotNullWhen(true)] string? text,
        string sources,
        [NotNullWhen(true)] out GoalFunction? goal,
        [NotNullWhen(false)] out string? error
    )
    {
        NotationReader.ValidateSources(sources);
        goal = null;
        if (text is null)
        {
            error = "The goal does not parse at position 1: there is no text.";
            return false;
        }
        if (GoalFunctions.TryGet(text.Trim(), out GoalPreset? preset))
        {
            bool fits = preset.Goal.Sources == sources;
            goal = fits ? preset.Goal : null;
            error = fits
                ? null
                : $"The goal does not parse at position 1: the published goal {preset.Name} is over the sources {preset.Goal.Sources}, and one over {sources} was expected.";
            return fits;
        }

        var reader = new NotationReader(text, sources);
        bool parsed = reader.TryReadGoal(out double[]? gamma);
        goal = parsed ? FromGamma(sources, gamma) : null;
        error = parsed ? null : reader.DescribeError("goal");
        return parsed;
    }

    /// <summary>
    /// Writes the goal in the paper's notation, such as "0.33{F}{C}{L} + {F}{C} - {F}{L} + 0.035H_res"; "0" where every
    /// weight is zero. <see cref="Parse"/> reads back exactly the same goal, whatever the culture.
    /// </summary>
    /// <returns>The goal in the paper's notation.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        for (int i = 0; i < _gamma.Length; i++)
        {
            double gamma = _gamma[i];
            if (gamma == 0)
                continue;
            bool first = text.Length == 0;
            text.Append(gamma < 0 ? (first ? "-" : " - ") : (first ? "" : " + "));
            if (Math.Abs(gamma) != 1)
                text.Append(Math.Abs(gamma).ToString("R", CultureInfo.InvariantCulture));
            text.Append(i < _c.Length ? Lattice.Antichains[i].ToString(Sources) : "H_res");
        }
        return text.Length > 0 ? text.ToString() : "0";
    }

    /// <summary>Writes the goal in the paper's notation with rounded weights, for people; small weights vanish.</summary>
    /// <param name="digits">Number of decimals, 0 to 15.</param>
    /// <returns>The rounded goal in the paper's notation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number of decimals is not 0 to 15.</exception>
    public string Describe(int digits = 2) =>
        new GoalFunction(Sources, [.. _gamma.Select(gamma => Math.Round(gamma, digits) + 0.0)]).ToString();

    /// <inheritdoc/>
    public bool Equals(GoalFunction? other) =>
        other is not null && other.Sources == Sources && other._gamma.AsSpan().SequenceEqual(_gamma);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GoalFunction);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Sources, StringComparer.Ordinal);
        foreach (double gamma in _gamma)
            hash.Add(gamma);
        return hash.ToHashCode();
    }

    /// <summary>Whether both are the same goal.</summary>
    /// <param name="left">One goal.</param>
    /// <param name="right">The other one.</param>
    /// <returns>Whether they are equal.</returns>
    public static bool operator ==(GoalFunction? left, GoalFunction? right) => Equals(left, right);

    /// <summary>Whether the two are different goals.</summary>
    /// <param name="left">One goal.</param>
    /// <param name="right">The other one.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(GoalFunction? left, GoalFunction? right) => !Equals(left, right);
}
