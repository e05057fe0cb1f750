using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Tuning.Worker;

/// <summary>A study whose objective costs no more than it is told to: the sphere in 19 dimensions.</summary>
internal static class CheapStudy
{
    private const int Epochs = 4;

    public static SearchSpace Space { get; } =
        new([.. Enumerable.Range(0, 19).Select(i => new RealParameter($"x{i}", -1, 1))]);

    public static ParameterPoint[] Start { get; } =
    [Space.CreatePoint([.. Enumerable.Repeat(0.7, 19)]), Space.CreatePoint([.. Enumerable.Repeat(0.5, 19)])];

    public static StudyDefinition Define(string name) =>
        new(name, new TpeTuner(Space, OptimizationDirection.Minimize, seed: 1), "sphere");

    public static double Value(ParameterPoint point) => point.Values.Sum(x => x * x);

    public static SweepResult Work(string location, string study, int trials, int milliseconds)
    {
        using var store = TrialStore.Open(location);
        return Sweep.Run(
            store,
            Define(study),
            Start,
            trial =>
            {
                double value = Value(trial.Point);
                for (int epoch = 1; epoch <= Epochs; epoch++)
                {
                    Burn(TimeSpan.FromMilliseconds((double)milliseconds / Epochs));
                    trial.Report(epoch, value + 1.0 / epoch);
                }
                return value;
            },
            new SweepOptions { MaximumTrials = trials, DeadAfter = TimeSpan.FromSeconds(2) }
        );
    }

    // Processor time, as training takes it, not sleep.
    private static void Burn(TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < time)
            Thread.SpinWait(100);
    }
}
