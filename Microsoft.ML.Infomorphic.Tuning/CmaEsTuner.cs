using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// CMA-ES: samples a normal distribution and adapts its mean, its step size and its covariance matrix to the ranks of a
/// generation's values. For real and integer parameters.
/// </summary>
/// <remarks>
/// <para>
/// Source: Hansen, arXiv 1604.00772. Every parameter's range is [0, 1] on its scale. A sample outside is drawn again, up
/// to 10 d times, and then moved to the nearest bound; the distribution learns the point that was proposed. An integer
/// parameter keeps a standard deviation of at least 0.3 of a step, or it would freeze.
/// </para>
/// <para>
/// A generation is complete with λ values of its own proposals, in any order: with exactly λ proposals a generation, the
/// order does not matter. More than λ may be asked for while values are out. A value that comes after its generation
/// is complete counts for <see cref="Tuner.Best"/> alone, and so do enqueued points. A failed trial ranks behind every
/// value, and a generation needs values for at least half of λ: until then more is proposed.
/// </para>
/// </remarks>
public sealed class CmaEsTuner : Tuner
{
    internal const string Name = "CMA-ES";

    private readonly CmaEsOptions _options;
    private readonly double[] _smallestDeviations;
    private readonly Dictionary<int, int> _generationOfTrial = [];
    private readonly List<Trial> _population = [];
    private CovarianceMatrixAdaptation _strategy;
    private int _generation;

    /// <summary>Creates a tuner.</summary>
    /// <param name="space">What is searched: real and integer parameters.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="seed">Everything random follows from this number.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentException">The space has a choice, or the initial mean is no point of it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public CmaEsTuner(SearchSpace space, OptimizationDirection direction, ulong seed, CmaEsOptions? options = null)
        : base(space, direction, seed)
    {
        if (space.Parameters.OfType<ChoiceParameter>().FirstOrDefault() is ChoiceParameter choice)
            throw new ArgumentException(
                $"CMA-ES cannot search the choice {choice.Name}, which has no order: fix it, or take the TPE tuner."
            );
        _options = options ?? new CmaEsOptions();
        _options.Validate(space);
        _smallestDeviations = [.. space.Parameters.Select(p => p is IntegerParameter i ? 0.3 / StepsOf(i) : 0.0)];
        double[] mean = _options.InitialMean is { } initial
            ? space.CreatePoint([.. initial]).ToUnit()
            : [.. Enumerable.Repeat(0.5, space.Parameters.Count)];
        int lambda = _options.PopulationSize ?? 4 + (int)Math.Floor(3 * Math.Log(space.Parameters.Count)); // (48)
        _strategy = new CovarianceMatrixAdaptation(mean, _options.InitialStepSize, lambda, _smallestDeviations);
    }

    /// <summary>λ, the proposals in a generation; grows with restarts.</summary>
    public override int BatchSize => _strategy.Lambda;

    /// <summary>How often the search has begun again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Generations so far, those before restarts included.</summary>
    public int Generation => _generation;

    private protected override string Kind => Name;

    private protected override JsonElement? OptionsAsJson => ToJson(_options);

    private protected override ParameterPoint Propose(int number)
    {
        var random = new TuningRandom(Seed, RandomPurpose.Population, (ulong)number);
        double[] x = _strategy.Sample(random);
        for (int again = 10 * x.Length; again > 0 && !IsInside(x); again--)
            x = _strategy.Sample(random);
        for (int i = 0; i < x.Length; i++)
            x[i] = Math.Clamp(x[i], 0, 1);
        return ParameterPoint.FromUnit(Space, x);
    }

    private protected override void OnBegun(Trial trial)
    {
        if (!trial.Enqueued)
            _generationOfTrial.Add(trial.Number, _generation);
    }

    private protected override void OnFinished(Trial trial)
    {
        if (!_generationOfTrial.Remove(trial.Number, out int generation) || generation != _generation)
            return;
        _population.Add(trial);
        Trial[] valued = [.. _population.Where(t => t.Value is not null)];
        if (_population.Count < _strategy.Lambda || valued.Length < _strategy.Mu)
            return;

        Trial[] ranked =
        [
            .. _population
                .OrderBy(t => t.Value is double value ? Loss(value) : double.PositiveInfinity)
                .ThenBy(t => t.Number)
                .Take(_strategy.Lambda),
        ];
        _strategy.Update(
            [.. ranked.Select(t => t.Point.ToUnit())],
            valued.Min(t => Loss(t.Value!.Value)),
            valued.Max(t => Loss(t.Value!.Value))
        );
        _population.Clear();
        _generation++;
        if (_options.RestartGrowth is double growth && _strategy.HasConverged())
            Restart(growth);
    }

    private void Restart(double growth)
    {
        Restarts++;
        var random = new TuningRandom(Seed, RandomPurpose.Restart, (ulong)Restarts);
        double[] mean = [.. Space.Parameters.Select(_ => random.NextUniform())];
        int lambda = (int)Math.Ceiling(growth * _strategy.Lambda);
        _strategy = new CovarianceMatrixAdaptation(mean, _options.InitialStepSize, lambda, _smallestDeviations);
    }

    private static bool IsInside(double[] x) => Array.TrueForAll(x, value => value is >= 0 and <= 1);

    // On a logarithmic scale steps differ; the smallest is the last.
    private static double StepsOf(IntegerParameter parameter) =>
        parameter.Logarithmic
            ? Math.Log((parameter.High + 0.5) / (parameter.Low - 0.5))
                / Math.Log((parameter.High + 0.5) / (parameter.High - 0.5))
            : parameter.High + 1.0 - parameter.Low;
}
