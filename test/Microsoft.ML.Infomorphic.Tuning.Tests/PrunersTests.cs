namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class PrunersTests
{
    private const OptimizationDirection Up = OptimizationDirection.Maximize;
    private const OptimizationDirection Down = OptimizationDirection.Minimize;

    [TestMethod]
    public void The_median_pruner_ends_what_is_below_the_median_at_the_same_epoch()
    {
        var pruner = new MedianPruner(startupTrials: 3);
        LearningCurve[] others = [Done(0, 0.1, 0.5), Done(1, 0.2, 0.6), Done(2, 0.3, 0.7)];

        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.15), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.2), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.25), others, Up));
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.25, 0.55), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.65, 0.1), others, Up)); // its best counts
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.1, 0.1, 0.1), others, Up)); // nobody was there
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.15), others, Down));
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.25), others, Down));
    }

    [TestMethod]
    public void The_median_pruner_waits_for_completed_trials_and_for_its_warm_up()
    {
        LearningCurve[] two = [Done(0, 0.5, 0.5), Done(1, 0.5, 0.5), Running(2, 0.9, 0.9)];

        Assert.IsFalse(new MedianPruner(startupTrials: 3).ShouldPrune(Running(3, 0.1), two, Up));
        Assert.IsTrue(new MedianPruner(startupTrials: 2).ShouldPrune(Running(3, 0.1), two, Up));
        Assert.IsFalse(new MedianPruner(2, warmupEpochs: 1).ShouldPrune(Running(3, 0.1), two, Up));
        Assert.IsTrue(new MedianPruner(2, warmupEpochs: 1).ShouldPrune(Running(3, 0.1, 0.1), two, Up));
    }

    [TestMethod]
    public void The_median_pruner_takes_NaN_for_worse_than_everything()
    {
        var pruner = new MedianPruner(startupTrials: 3);
        LearningCurve[] others = [Done(0, double.NaN), Done(1, double.NaN), Done(2, 0.3)];

        Assert.IsTrue(pruner.ShouldPrune(Running(3, double.NaN), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.1), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.1), others, Down));
    }

    [TestMethod]
    public void Halving_lets_the_best_share_go_on_at_each_rung()
    {
        var pruner = new SuccessiveHalvingPruner(minimumEpochs: 1, reductionFactor: 2);
        LearningCurve[] others = [Running(0, 0.1, 0.1), Running(1, 0.2), Running(2, 0.3)];

        // Four have reached epoch 1: two go on.
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.15), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.25), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.15), others, Down));
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.25), others, Down));
        // Two have reached epoch 2: one goes on.
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0.0, 0.2), others, Up));
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0.9, 0.05), others, Up));
        // Epoch 3 is no rung, epoch 4 is, and nobody else was there.
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0, 0, 0), others, Up));
        Assert.IsFalse(pruner.ShouldPrune(Running(3, 0, 0, 0, 0), others, Up));
        Assert.IsTrue(pruner.ShouldPrune(Running(3, 0, 0, 0, double.NaN), others, Up));
    }

    [TestMethod]
    [DataRow(1, 4, new[] { 1, 4, 16 })]
    [DataRow(3, 2, new[] { 3, 6, 12, 24 })]
    public void Halving_has_its_rungs_at_powers(int minimum, int factor, int[] rungs)
    {
        var pruner = new SuccessiveHalvingPruner(minimum, factor);
        LearningCurve best = new(0, [.. Enumerable.Repeat(1.0, 30)], true);
        int[] ended =
        [
            .. Enumerable
                .Range(1, 30)
                .Where(epoch => pruner.ShouldPrune(new(1, [.. Enumerable.Repeat(0.0, epoch)], false), [best], Up)),
        ];
        CollectionAssert.AreEqual(rungs, ended);
    }

    [TestMethod]
    public void Pruners_refuse_what_is_out_of_range()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MedianPruner(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MedianPruner(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SuccessiveHalvingPruner(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SuccessiveHalvingPruner(1, 1));
        Assert.Throws<ArgumentException>(() => new MedianPruner().ShouldPrune(Running(1), [], Up));
        Assert.Throws<ArgumentException>(() => new SuccessiveHalvingPruner().ShouldPrune(Running(1), [], Up));
    }

    private static LearningCurve Done(int trial, params double[] values) => new(trial, values, true);

    private static LearningCurve Running(int trial, params double[] values) => new(trial, values, false);
}
