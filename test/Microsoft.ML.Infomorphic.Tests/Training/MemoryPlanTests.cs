using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class MemoryPlanTests
{
    private const long Mebibyte = 1 << 20;

    private static readonly TrainingSettings s_settings = Problems.Settings() with { BatchSize = 128 };

    [TestMethod]
    public void Without_a_budget_rows_may_take_any_memory() =>
        Assert.AreEqual(long.MaxValue, new MemoryPlan(null, s_settings).ForRows(1_000_000, 10));

    // The network comes first, but not with more than half; an eighth of the rest stays free.
    [TestMethod]
    public void A_budget_leaves_at_least_seven_sixteenths_to_the_rows()
    {
        long few = new MemoryPlan(64 * Mebibyte, s_settings).ForRows(100, 10);
        long many = new MemoryPlan(
            64 * Mebibyte,
            s_settings.WithHidden(layer => layer with { Neurons = 100_000 })
        ).ForRows(100, 10);

        Assert.IsInRange(55 * Mebibyte, 56 * Mebibyte, few);
        Assert.AreEqual(28 * Mebibyte, many);
    }

    // Weights are each network's own; of batches there are as many as threads, and one that all of them share.
    [TestMethod]
    public void Networks_that_are_trained_together_leave_less_to_the_rows()
    {
        TrainingSettings settings = s_settings.WithHidden(layer => layer with { Neurons = 1000 }) with { Threads = 2 };
        long[] taken = [.. new[] { 1, 2, 4, 8 }.Select(Taken)];
        Assert.IsInRange(2 * taken[0], 3 * taken[0], taken[1]);
        Assert.AreEqual(2 * (taken[2] - taken[1]), taken[3] - taken[2], Mebibyte);

        long Taken(int networks) =>
            512 * Mebibyte - new MemoryPlan(512 * Mebibyte, settings, networks).ForRows(100, 10) / 7 * 8;
    }

    // What rows take in all: the block, the order twice, and the rows kept to judge by.
    [TestMethod]
    [DataRow(16)]
    [DataRow(48)]
    public void Blocks_stay_within_the_budget(int budget)
    {
        const int Rows = 48_000;
        const int Features = 784;
        var plan = new MemoryPlan(budget * Mebibyte, s_settings);
        StreamedRows rows = Stream(plan, Survey(Rows, Features, _ => Features));

        long used = (long)rows.RowsPerBlock * (Features + 5) * sizeof(float) + 2 * Rows * sizeof(int);
        Assert.IsLessThanOrEqualTo(plan.ForRows(Features, 3), used);
        Assert.IsGreaterThan(plan.ForRows(Features, 3) / 2, used);
        Assert.AreEqual(0, rows.RowsPerBlock % s_settings.BatchSize);
        Assert.AreEqual(budget == 48, rows.ShufflesOverAll);
    }

    // A tenth of the rows is a hundred times as large. A random block holds its share of them, give or take; neighbours
    // in the view may be nothing else.
    [TestMethod]
    public void Blocks_of_rows_of_different_sizes_stay_within_the_budget()
    {
        const int Rows = 100_000;
        int SizeOf(int row) => row < Rows / 10 ? 1000 : 10;
        RowSurvey survey = Survey(Rows, 10_000, SizeOf);
        var plan = new MemoryPlan(48 * Mebibyte, s_settings);

        StreamedRows rows = Stream(plan, survey);

        Assert.IsTrue(rows.ShufflesOverAll);
        int[] order = [.. Enumerable.Range(0, Rows)];
        for (int seed = 0; seed < 20; seed++)
        {
            new Random(seed).Shuffle(order);
            long bytes = order[..rows.RowsPerBlock].Sum(row => 8L * SizeOf(row) + 32);
            Assert.IsLessThan(plan.ForRows(10_000, 3), bytes);
        }

        plan = new MemoryPlan(8 * Mebibyte, s_settings);
        rows = Stream(plan, survey);
        Assert.IsFalse(rows.ShufflesOverAll);
        Assert.IsLessThan(plan.ForRows(10_000, 3), rows.RowsPerBlock * (8L * 1000 + 32));
    }

    [TestMethod]
    public void A_budget_too_small_for_a_batch_is_named_and_the_one_it_asks_for_is_enough()
    {
        RowSurvey survey = Survey(48_000, 784, _ => 784);

        string message = Assert
            .ThrowsExactly<InvalidOperationException>(() =>
                Stream(new MemoryPlan(Mebibyte, s_settings with { BatchSize = 1024 }), survey)
            )
            .Message;

        StringAssert.StartsWith(
            message,
            "The memory budget of 1 MiB is too small to train on 48000 instances in batches of 1024 with 784 features: it takes at least "
        );
        long enough = long.Parse(message.Split("at least ")[1].Split(' ')[0]);
        Assert.AreEqual(
            1024,
            Stream(new MemoryPlan(enough * Mebibyte, s_settings with { BatchSize = 1024 }), survey).RowsPerBlock
        );
        Assert.ThrowsExactly<InvalidOperationException>(() =>
            Stream(new MemoryPlan((enough - 1) * Mebibyte, s_settings with { BatchSize = 1024 }), survey)
        );
    }

    private static StreamedRows Stream(MemoryPlan plan, RowSurvey survey) =>
        (StreamedRows)
            plan.Arrange(
                new FirstReading(null, 0, survey, new ReadableRows(Problems.Blobs(3))),
                null,
                static _ => { }
            ).Train;

    private static RowSurvey Survey(int rows, int features, Func<int, int> nonZeros)
    {
        var survey = new RowSurvey(features, 3, hasWeights: false);
        for (int row = 0; row < rows; row++)
            survey.Add(row % 3, nonZeros(row));
        return survey;
    }
}
