using System.Collections.ObjectModel;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Information;

/// <summary>
/// A discrete joint distribution of 1 to 4 sources and a target: a list of the outcomes that have a positive
/// probability. Values are any integers, such as the numbers of bins. Immutable.
/// </summary>
public sealed class JointDistribution
{
    /// <summary>Probabilities may add up to 1 within this tolerance: the rounding of millions of outcomes, and no more.</summary>
    public const double SumTolerance = 1e-9;

    private readonly int[] _cellOfOutcome;
    private readonly Lazy<MarginalMasses> _marginals;

    private JointDistribution(int sourceCount, List<(int[] Sources, int Target, double Probability)> listed)
    {
        SourceCount = sourceCount;

        // Equal values are listed once, in the order of their first appearance.
        var cells = new Dictionary<SourceValues, int>();
        var merged = new OrderedDictionary<(int Cell, int Target), double>();
        var values = new List<ReadOnlyCollection<int>>();
        foreach ((int[] sources, int target, double probability) in listed)
        {
            if (probability == 0)
                continue;
            var key = SourceValues.Of(sources);
            if (!cells.TryGetValue(key, out int cell))
            {
                cells.Add(key, cell = values.Count);
                values.Add(Array.AsReadOnly((int[])sources.Clone()));
            }
            merged[(cell, target)] = merged.GetValueOrDefault((cell, target)) + probability;
        }

        Cells = values.AsReadOnly();
        Outcomes = merged
            .Select(pair => new JointOutcome(values[pair.Key.Cell], pair.Key.Target, pair.Value))
            .ToList()
            .AsReadOnly();
        _cellOfOutcome = [.. merged.Keys.Select(key => key.Cell)];
        Targets = Outcomes.Select(outcome => outcome.Target).Distinct().Order().ToList().AsReadOnly();
        _marginals = new Lazy<MarginalMasses>(() => new MarginalMasses(this));
    }

    /// <summary>Number of sources n, 1 to 4.</summary>
    public int SourceCount { get; }

    /// <summary>The outcomes with a positive probability, each once, in the order of their first appearance.</summary>
    public ReadOnlyCollection<JointOutcome> Outcomes { get; }

    /// <summary>
    /// The occupied cells: combinations of source values with a positive probability, each once, in the order of their
    /// first appearance.
    /// </summary>
    public ReadOnlyCollection<ReadOnlyCollection<int>> Cells { get; }

    /// <summary>The values of the target with a positive probability, ascending.</summary>
    public ReadOnlyCollection<int> Targets { get; }

    /// <summary>H(Y), the Shannon entropy of the target, in bits.</summary>
    public double TargetEntropy =>
        -Enumerable.Range(0, Targets.Count).Select(Marginals.OfTarget).Sum(p => p * Math.Log2(p));

    internal MarginalMasses Marginals => _marginals.Value;

    internal int CellOf(int outcome) => _cellOfOutcome[outcome];

    internal int TargetIndexOf(int outcome) => Targets.IndexOf(Outcomes[outcome].Target);

    /// <summary>Creates a distribution from probabilities.</summary>
    /// <param name="outcomes">
    /// Values of the sources, value of the target, probability. Equal values add up; a probability of 0 is the same as
    /// no outcome.
    /// </param>
    /// <returns>The distribution.</returns>
    /// <exception cref="ArgumentException">
    /// There is no outcome, the outcomes have different numbers of sources, there are not 1 to 4 of them, a probability
    /// is negative or not finite, or the sum is not 1 within <see cref="SumTolerance"/>.
    /// </exception>
    public static JointDistribution FromProbabilities(
        IEnumerable<(int[] Sources, int Target, double Probability)> outcomes
    )
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        List<(int[], int, double)> listed = Validate(
            [.. outcomes],
            nameof(outcomes),
            "probability",
            out int sourceCount,
            out double sum
        );
        if (Math.Abs(sum - 1) > SumTolerance)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"Probabilities add up to 1; these add up to {sum:R}."),
                nameof(outcomes)
            );
        return new JointDistribution(sourceCount, listed);
    }

    /// <summary>Creates a distribution from weighted samples: the probability of an outcome is its share of the weight.</summary>
    /// <param name="samples">Values of the sources, value of the target, weight. Equal values add up.</param>
    /// <returns>The distribution.</returns>
    /// <exception cref="ArgumentException">
    /// There is no sample, the samples have different numbers of sources, there are not 1 to 4 of them, a weight is
    /// negative or not finite, or the weights do not add up to a positive, finite number.
    /// </exception>
    public static JointDistribution FromSamples(IEnumerable<(int[] Sources, int Target, double Weight)> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        List<(int[] Sources, int Target, double Weight)> listed = Validate(
            [.. samples],
            nameof(samples),
            "weight",
            out int sourceCount,
            out double sum
        );
        if (!(sum > 0) || !double.IsFinite(sum))
            throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The weights of samples add up to a positive, finite number; these add up to {sum:R}."
                ),
                nameof(samples)
            );
        return new JointDistribution(
            sourceCount,
            listed.ConvertAll(sample => (sample.Sources, sample.Target, sample.Weight / sum))
        );
    }

    private static List<(int[], int, double)> Validate(
        List<(int[] Sources, int Target, double Mass)> listed,
        string parameter,
        string mass,
        out int sourceCount,
        out double sum
    )
    {
        if (listed.Count == 0)
            throw new ArgumentException("A joint distribution has at least one outcome.", parameter);
        sourceCount = listed[0].Sources?.Length ?? 0;
        sum = 0;
        for (int i = 0; i < listed.Count; i++)
        {
            (int[] sources, _, double value) = listed[i];
            if (sources is null)
                throw new ArgumentException(
                    $"Every outcome has values of its sources; those of outcome {i} are null.",
                    parameter
                );
            if (sources.Length is < 1 or > Antichain.MaximumSourceCount)
                throw new ArgumentException(
                    $"A joint distribution has 1 to {Antichain.MaximumSourceCount} sources; outcome {i} has {sources.Length}.",
                    parameter
                );
            if (sources.Length != sourceCount)
                throw new ArgumentException(
                    $"Every outcome has the same number of sources; outcome {i} has {sources.Length} and the first one has {sourceCount}.",
                    parameter
                );
            if (!(value >= 0) || !double.IsFinite(value))
                throw new ArgumentException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Every {mass} is a finite number that is not negative; that of outcome {i} is {value:R}."
                    ),
                    parameter
                );
            sum += value;
        }
        return listed;
    }
}

/// <summary>The values of up to four sources as a dictionary key; those outside a subset read 0.</summary>
internal readonly record struct SourceValues(int First, int Second, int Third, int Fourth)
{
    public static SourceValues Of(IReadOnlyList<int> values, int subset = (1 << Antichain.MaximumSourceCount) - 1)
    {
        return new(Value(0), Value(1), Value(2), Value(3));

        int Value(int i) => i < values.Count && (subset >> i & 1) != 0 ? values[i] : 0;
    }
}
