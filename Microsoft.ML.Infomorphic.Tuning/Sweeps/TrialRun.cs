namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial from the objective's point of view.</summary>
public sealed class TrialRun
{
    private readonly Action<int, double> _report;

    internal TrialRun(
        int number,
        int worker,
        ParameterPoint point,
        Action<int, double> report,
        CancellationToken cancellationToken
    )
    {
        Number = number;
        Worker = worker;
        Point = point;
        _report = report;
        CancellationToken = cancellationToken;
    }

    /// <summary>The trial's number.</summary>
    public int Number { get; }

    /// <summary>Which of this sweep's workers carries it out, from 0.</summary>
    internal int Worker { get; }

    /// <summary>Where to evaluate the objective.</summary>
    public ParameterPoint Point { get; }

    /// <summary>Is cancelled where the sweep is, or where another worker has taken over the trial.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>Whether the tuner learns a pruned trial's last reported value as its value; else it learns that there is none.</summary>
    public bool TellsPrunedValue { get; set; } = true;

    /// <summary>Stores the objective after an epoch, and ends the trial where it is not worth going on with.</summary>
    /// <param name="epoch">The epoch, from 1, each once and in order.</param>
    /// <param name="value">The objective after it; it need not be finite.</param>
    /// <exception cref="OperationCanceledException">The trial ends here; let the exception pass.</exception>
    public void Report(int epoch, double value) => _report(epoch, value);
}
