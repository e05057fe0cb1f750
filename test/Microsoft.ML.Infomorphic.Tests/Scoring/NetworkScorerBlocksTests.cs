using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

// Blocks are scored as rows are, to the bit.
[TestClass]
public class NetworkScorerBlocksTests
{
    private const int Features = 5;

    [TestMethod]
    public void Every_setup_scores_blocks_like_rows_in_every_mode()
    {
        foreach (string setup in Setups.All.Select(row => (string)row[0]))
        foreach (int lateral in new[] { 4, 100 })
        foreach (int hidden in new[] { 1, 8, 13 })
        foreach (ScoringMode mode in Enum.GetValues<ScoringMode>())
        {
            if (setup is Setups.Readout && hidden > 1)
                continue;
            var scorer = new NetworkScorer(
                Network(setup, hidden, lateral),
                new ScoringSettings(mode, Samples: 2, Seed: 3)
            );
            foreach (int rows in new[] { 0, 1, 7, 8, 9, 32, 33, 65 })
                AssertLikeRows(scorer, Rows(rows, density: 1), $"{setup}, {hidden} neurons, {mode}, {rows} rows");
        }
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(0.1)]
    [DataRow(0.3)]
    [DataRow(0.6)]
    public void Rows_with_zeros_and_rows_that_are_missing_score_alike(double density)
    {
        var scorer = new NetworkScorer(Network(Setups.Full, 13, 4), new ScoringSettings());
        float[][] rows = Rows(100, density);
        rows[5][1] = float.NaN;
        rows[6][2] = float.PositiveInfinity;
        rows[40] = [float.MaxValue, float.MaxValue, float.MaxValue, float.MaxValue, float.MaxValue];
        AssertLikeRows(scorer, rows, $"density {density}");
    }

    [TestMethod]
    public void A_block_is_filled_again_and_leaves_nothing_behind()
    {
        var scorer = new NetworkScorer(Network(Setups.Full, 13, 4), new ScoringSettings());
        var block = new ScoringBlock(Features, 3, 64);
        foreach (int count in new[] { 64, 3, 40 })
        {
            float[][] rows = Rows(count, 0.4);
            rows[0][0] = count == 64 ? float.NaN : 1;
            AssertLikeRows(scorer, rows, block, "again");
        }
    }

    [TestMethod]
    public void Blocks_allocate_nothing_once_they_are_warm()
    {
        var scorer = new NetworkScorer(Network(Setups.Full, 13, 4), new ScoringSettings());
        var block = new ScoringBlock(Features, 3, 128);
        float[][] rows = Rows(128, 0.5);
        void Score()
        {
            block.Clear();
            foreach (float[] row in rows)
                block.Add(row);
            scorer.Score(block);
        }

        for (int i = 0; i < 5; i++)
            Score();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            Score();
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(3)]
    public void A_queue_gives_blocks_back_scored_and_in_order(int helpers)
    {
        var scorer = new EnsembleScorer([Network(Setups.Full, 13, 4)], new ScoringSettings());
        var queue = new ScoringQueue(scorer, helpers);
        float[][] rows = Rows(300, 1);
        var waiting = new Queue<(ScoringBlock Block, int First)>();
        int next = 0;
        float[] expected = new float[3];
        while (next < rows.Length || queue.Count > 0)
        {
            while (next < rows.Length && queue.Count < queue.Capacity)
            {
                var block = new ScoringBlock(Features, 3, 7);
                waiting.Enqueue((block, next));
                for (int i = 0; i < 7 && next < rows.Length; i++)
                    block.Add(rows[next++]);
                queue.Enqueue(block);
            }

            (ScoringBlock oldest, int first) = waiting.Dequeue();
            Assert.AreSame(oldest, queue.Dequeue());
            for (int row = 0; row < oldest.RowCount; row++)
            {
                scorer.Score(rows[first + row], expected);
                CollectionAssert.AreEqual(expected, oldest.Probabilities(row).ToArray());
            }
        }

        queue.Enqueue(new ScoringBlock(Features, 3, 7));
        queue.Abandon();
        Assert.AreEqual(0, queue.Count);
    }

    private static void AssertLikeRows(NetworkScorer scorer, float[][] rows, string message) =>
        AssertLikeRows(scorer, rows, new ScoringBlock(Features, 3, Math.Max(1, rows.Length)), message);

    // Half of the rows come with their zeros left out.
    private static void AssertLikeRows(NetworkScorer scorer, float[][] rows, ScoringBlock block, string message)
    {
        block.Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            int[] indices = [.. Enumerable.Range(0, Features).Where(k => rows[i][k] != 0)];
            if (i / 16 % 2 == 0 || (i / 48 % 2 == 0 && i % 2 == 0))
                block.Add(indices, [.. indices.Select(k => rows[i][k])]);
            else
                block.Add(rows[i]);
        }

        scorer.Score(block);
        float[] expected = new float[3];
        for (int i = 0; i < rows.Length; i++)
        {
            if (rows[i].All(float.IsFinite))
                scorer.Score(rows[i], expected);
            else
                Array.Fill(expected, float.NaN);
            CollectionAssert.AreEqual(expected, block.Probabilities(i).ToArray(), $"{message}, row {i}");
        }
    }

    private static float[][] Rows(int count, double density) => SparseRows.Draw(count, Features, density);

    private static InfomorphicNetwork Network(string setup, int hidden, int lateral)
    {
        LabeledRows data = Problems.Blobs(20);
        TrainingSettings settings = Setups.Settings(setup, hidden).WithLateral(lateral);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        return state.ToNetwork([1, -1, 1]);
    }
}
