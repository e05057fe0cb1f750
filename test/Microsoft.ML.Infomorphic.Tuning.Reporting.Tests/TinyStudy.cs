namespace Microsoft.ML.Infomorphic.Tuning.Reporting.Tests;

/// <summary>Trials of every state, over parameters of every kind; "strong" is what matters, and 0.5 is its best value.</summary>
internal static class TinyStudy
{
    public static readonly SearchSpace Space = new(
        new RealParameter("{F}{C}", -1, 1),
        new RealParameter("strong", -1, 1),
        new RealParameter("rate", 1e-4, 0.1, logarithmic: true),
        new IntegerParameter("bins", 5, 30),
        new ChoiceParameter("kind", "a & b", "<c>")
    );

    public static StoredTrial[] Trials(int count = 60)
    {
        var tuner = new RandomTuner(Space, OptimizationDirection.Maximize, 1);
        return [.. tuner.Ask(count).Select(Run)];
    }

    private static StoredTrial Run(Trial trial)
    {
        double value = 0.9 - 0.3 * Math.Pow(trial.Point["strong"] - 0.5, 2) + 0.001 * trial.Point["bins"];
        StoredTrialState state =
            trial.Number % 10 == 3 ? StoredTrialState.Failed
            : trial.Number % 10 == 7 ? StoredTrialState.Pruned
            : StoredTrialState.Completed;
        double[] epochs = [value - 0.3, double.NaN, value - 0.1, value];
        DateTimeOffset started = DateTimeOffset.UnixEpoch.AddMinutes(trial.Number);
        return new StoredTrial(
            trial.Number,
            trial.Point,
            trial.Number < 2,
            state,
            state == StoredTrialState.Completed ? value : null,
            state == StoredTrialState.Completed ? epochs : epochs[..1],
            state == StoredTrialState.Failed ? "It broke </script><b>here</b>." : null,
            "machine/1/0",
            1,
            started,
            started.AddSeconds(12)
        );
    }
}
