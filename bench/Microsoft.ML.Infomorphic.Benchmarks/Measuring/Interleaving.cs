using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>
/// Measures contenders in turns, round after round, so that whatever else the machine does meets all of them alike.
/// </summary>
internal static class Interleaving
{
    private const double WarmUpSeconds = 1.5;
    private const int WarmUpSteps = 4;
    private const double TurnMilliseconds = 40;
    private const int MaximumStepsPerTurn = 20;
    private const int MinimumRounds = 5;

    /// <summary>Measures.</summary>
    /// <param name="contenders">What is measured.</param>
    /// <param name="rounds">So many rounds, …</param>
    /// <param name="seconds">… or as many as fit into this time, five at least.</param>
    public static void Measure(IReadOnlyList<Contender> contenders, int rounds, double seconds)
    {
        int[] steps =
        [
            .. contenders.Select(contender =>
                Math.Clamp(
                    (int)(TurnMilliseconds / contender.WarmUp(WarmUpSeconds, WarmUpSteps)),
                    1,
                    MaximumStepsPerTurn
                )
            ),
        ];
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < rounds; round++)
        {
            if (round >= MinimumRounds && clock.Elapsed.TotalSeconds > seconds)
                break;

            // Each round begins with another one, so that none always follows the same neighbour's first.
            for (int i = 0; i < contenders.Count; i++)
            {
                int turn = (round + i) % contenders.Count;
                contenders[turn].Turn(steps[turn]);
            }
        }
    }
}
