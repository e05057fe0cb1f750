using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// The end of a training that held rows out. They have said when to stop and how to calibrate, and are rows like any others: the
/// network goes on from the epoch that is kept, on all rows, with learning rates that fall to 0. Nothing is left to judge it by,
/// so that the more is held out, the longer it takes, and no longer than that epoch took to come.
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
    /// <param name="epochs">Number of passes over them.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="seed">The order of rows follows from it.</param>
    /// <param name="checkAlive">Called before every step.</param>
    /// <returns>The number of steps.</returns>
    public static long Learn(
        TrainingEngine engine,
        RowSource rows,
        int epochs,
        int batchSize,
        ulong seed,
        Action checkAlive
    )
    {
        int[] order = [.. Enumerable.Range(0, rows.RowCount)];
        var shuffling = new RandomStream(seed, RandomStreams.HeldOutLearning);
        long steps = 0;
        double all = (double)epochs * ((order.Length + batchSize - 1) / batchSize);
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            rows.Shuffle(order, shuffling);
            engine.Announce(order);
            foreach ((LabeledRows batch, ReadOnlyMemory<int> indices) in rows.Batches(order, batchSize))
            {
                checkAlive();
                engine.RateFactor = 1 - steps++ / all;
                engine.Step(batch, indices.Span);
            }
        }

        engine.Synchronize();
        engine.DownloadWeights();
        return steps;
    }
}
