using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public class FitManyTests
{
    private static readonly string[] s_goals = ["opt_1_100_tpe", "heuristic", "{F}{C} - 0.5{F}{L} + 0.2H_res"];

    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Trainers_together_give_the_models_that_each_gives_alone(bool validates)
    {
        IDataView train = Samples.View(_context);
        IDataView? validation = validates ? Samples.View(_context, Samples.Rows(30, seed: 2)) : null;
        InfomorphicTrainer[] trainers = [.. s_goals.Select(goal => Trainer(goal))];
        IReadOnlyList<FitOutcome> outcomes = InfomorphicTrainer.FitMany(trainers, train, validation);
        Assert.HasCount(3, outcomes);
        foreach ((InfomorphicTrainer trainer, FitOutcome outcome) in trainers.Zip(outcomes))
        {
            InfomorphicPredictionTransformer alone = validation is null
                ? trainer.Fit(train)
                : trainer.Fit(train, validation);
            Assert.IsNull(outcome.Error);
            Assert.AreEqual(
                alone.Model.Network.HiddenLayers[0].Goal,
                outcome.GetTransformer().Model.Network.HiddenLayers[0].Goal
            );
            CollectionAssert.AreEqual(
                Problems.WeightsOf(alone.Model.Network),
                Problems.WeightsOf(outcome.GetTransformer().Model.Network)
            );
            IDataView unseen = Samples.View(_context, Samples.Rows(10, seed: 3));
            CollectionAssert.AreEqual(
                Samples.Scores(alone.Transform(unseen))[0],
                Samples.Scores(outcome.GetTransformer().Transform(unseen))[0]
            );
        }
    }

    [TestMethod]
    public void A_trainer_that_is_ended_leaves_the_others()
    {
        using var cancellation = new CancellationTokenSource();
        IDataView train = Samples.View(_context);
        int epochs = 0;
        InfomorphicTrainer[] trainers =
        [
            Trainer(s_goals[0]),
            Trainer(s_goals[1], options => options.EpochEnded = _ => throw new TimeoutException("Enough.")),
            Trainer(
                s_goals[2],
                options =>
                {
                    options.EpochEnded = _ => epochs++;
                    options.CancellationToken = cancellation.Token;
                }
            ),
            Trainer(s_goals[2], options => options.EpochEnded = epoch => Cancel(epoch.Epoch == 2)),
        ];
        IReadOnlyList<FitOutcome> outcomes = InfomorphicTrainer.FitMany(trainers, train);
        CollectionAssert.AreEqual(
            Problems.WeightsOf(trainers[0].Fit(train).Model.Network),
            Problems.WeightsOf(outcomes[0].GetTransformer().Model.Network)
        );
        Assert.AreEqual("Enough.", Assert.ThrowsExactly<TimeoutException>(outcomes[1].GetTransformer).Message);
        Assert.ThrowsExactly<OperationCanceledException>(outcomes[2].GetTransformer);
        Assert.AreEqual(2, epochs);
        Assert.HasCount(3, outcomes[3].GetTransformer().Model.History.Epochs);

        void Cancel(bool now)
        {
            if (now)
                cancellation.Cancel();
        }
    }

    [TestMethod]
    public void What_keeps_trainers_apart_is_named()
    {
        IDataView train = Samples.View(_context);
        InfomorphicTrainer one = Trainer(s_goals[0]);
        (Action<InfomorphicTrainer.Options> Change, string Message)[] cases =
        [
            (
                options => options.NumberOfHiddenNeurons = 6,
                "Networks that are trained together have the same number of hidden neurons, and here it is 5 and 6."
            ),
            (
                options => options.Seed = 2,
                "Networks that are trained together have the same seed, and here it is 1 and 2."
            ),
            (
                options => options.FirstMomentDecay = 0.8,
                "Networks that are trained together have the same decays of moments and ε of hidden neurons, and here it is (0.9, 0.999, 1E-08) and (0.8, 0.999, 1E-08)."
            ),
            (
                options => options.MemoryBudget = 100,
                "Trainers that are fitted together have the same MemoryBudget, and here it is not set and 104857600."
            ),
        ];
        foreach ((Action<InfomorphicTrainer.Options> change, string message) in cases)
        {
            InfomorphicTrainer other = Trainer(s_goals[0], change);
            Assert.IsFalse(one.CanFitWith(other, out string? reason));
            Assert.AreEqual(message, reason);
            ArgumentException failure = Assert.ThrowsExactly<ArgumentException>(() =>
                InfomorphicTrainer.FitMany([one, other], train)
            );
            StringAssert.StartsWith(failure.Message, message);
        }

        Assert.ThrowsExactly<ArgumentException>(() => InfomorphicTrainer.FitMany([], train));
        InfomorphicTrainer stops = Trainer(s_goals[1], options => options.EarlyStoppingRounds = 2);
        Assert.AreEqual(
            "EarlyStoppingRounds needs validation rows: use Fit(trainData, validationData), or set ValidationFraction.",
            Assert
                .ThrowsExactly<InvalidOperationException>(() => InfomorphicTrainer.FitMany([one, stops], train))
                .Message
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            InfomorphicTrainer.FitMany([one], _context.Transforms.DropColumns("Features").Fit(train).Transform(train))
        );
    }

    private InfomorphicTrainer Trainer(string goal, Action<InfomorphicTrainer.Options>? change = null)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Goal = goal;
        options.LabelColumnName = "Label";
        options.NumberOfThreads = 2;
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }
}
