using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// The end of a training that held rows out. They have said when to stop and how to calibrate, and are rows like any others: the
/// network goes on from the epoch that is kept, on all rows, with learning rates that fall from what they were there to 0. Nothing
/// is left to judge it by: the more is held out, the longer it takes, but no more passes than it took to come to that epoch.
/// </summary>
internal static class HeldOutLearning
{
    // The share that is held out of most data; from there on, all rows are passed through as often as the others were.
    private const double UsualShare = 0.2;

    /// <summary>The number of passes over all rows.</summary>
    /// <param name="keptEpoch">The epoch that is gone on from.</param>
    /// <param name="heldOut">The share of the rows that was held out, from 0 to 1.</param>
    public static int Epochs(int keptEpoch, double heldOut) =>
        (int)Math.Ceiling(keptEpoch * Math.Min(heldOut / UsualShare, 1));

    /// <summary>Learns from all rows.</summary>
    /// <param name="engine">An engine of the network alone, which has taken no step.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="settings">The network's settings.</param>
    /// <param name="keptEpoch">The epoch that is gone on from.</param>
    /// <param name="epochs">Number of passes over the rows.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="checkAlive">Called before every step.</param>
    /// <returns>The number of steps.</returns>
    public static long Learn(
        TrainingEngine engine,
        RowSource rows,
        TrainingSettings settings,
        int keptEpoch,
        int epochs,
        int batchSize,
        Action checkAlive
    )
    {
        int[] order = [.. Enumerable.Range(0, rows.RowCount)];
        var shuffling = new RandomStream(settings.Seed, RandomStreams.HeldOutLearning);
        long steps = 0;
        double all = (double)epochs * ((order.Length + batchSize - 1) / batchSize);
        for (int epoch = keptEpoch + 1; epoch <= keptEpoch + epochs; epoch++)
        {
            rows.Shuffle(order, shuffling);
            engine.Announce(order);
            foreach ((LabeledRows batch, ReadOnlyMemory<int> indices) in rows.InEpoch(epoch).Batches(order, batchSize))
            {
                checkAlive();
                engine.RateFactor = settings.RateFactor(keptEpoch) * (1 - steps++ / all);
                engine.Step(batch, indices.Span);
            }
        }

        engine.Synchronize();
        engine.DownloadWeights();
        return steps;
    }
}
