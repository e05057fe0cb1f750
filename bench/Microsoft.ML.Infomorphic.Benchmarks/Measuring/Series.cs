namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>Times of one thing, step by step and round by round.</summary>
internal sealed class Series(string name)
{
    private readonly List<double> _steps = [];
    private readonly List<double> _rounds = [];

    public string Name { get; } = name;

    /// <summary>Milliseconds of a step, over all steps.</summary>
    public Distribution Milliseconds => Distribution.Of(_steps);

    /// <summary>Rounds measured.</summary>
    public int RoundCount => _rounds.Count;

    /// <summary>Takes the steps of a round.</summary>
    public void AddRound(IReadOnlyCollection<double> steps)
    {
        _steps.AddRange(steps);
        _rounds.Add(Distribution.MedianOf(steps));
    }

    /// <summary>How many times as long as <paramref name="other"/> a median step takes, round by round.</summary>
    public Distribution RatioTo(Series other) => Distribution.Of(_rounds.Zip(other._rounds, (a, b) => a / b));
}
