using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.Infomorphic.Tuning.Tests.SweepFixture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Goals of one or several layers: searched, trained again, and without each of their weights.</summary>
[TestClass]
public sealed class SweepGoalsTests
{
    [TestMethod]
    public void Layers_are_searched_and_the_best_network_can_be_trained_again()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Layers();
        InfomorphicSweep sweep = Create(
            Options(store, 6) with
            {
                Trainer = trainer,
                Space = TwoLayers,
                EnqueueTrainer = true,
                EnqueuePresets = true,
            }
        );
        trainer.HiddenLayers![0].NumberOfNeurons = 1; // comes too late
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);

        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.IsGreaterThan(1, result.Trials.Count(t => t.Enqueued));
        ParameterPoint best = result.Best!.Point;
        Assert.AreEqual(Best(result), ValueOf(sweep, best, SweepMetric.MicroAccuracy, TrainRows, ValidationRows));
        InfomorphicModelParameters model = Context
            .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(best))
            .Fit(TrainRows)
            .Model;
        Assert.AreEqual(2, model.Network.HiddenLayers.Count);
        Assert.AreEqual(4, model.Network.HiddenLayers[0].NeuronCount);
        Assert.AreEqual(best["layer 2 NumberOfNeurons"], model.Network.HiddenLayers[1].NeuronCount);
        foreach (int layer in new[] { 0, 1 })
            Assert.AreEqual(model.Network.HiddenLayers[layer].Goal, sweep.GoalAt(best, layer));
        Assert.AreNotSame(sweep.OptionsAt(best).HiddenLayers![0], sweep.OptionsAt(best).HiddenLayers![0]);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.GoalAt(best)).Message,
            "There are 2 hidden layers: say which of them."
        );
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.GoalAt(best, 2)).Message,
            "There is no hidden layer 3: there are 2 hidden layers."
        );

        IReadOnlyList<ParameterImportance> importances = ParameterImportance.Compute(
            sweep.Space,
            result.Trials.Select(t => new Trial(t.Number, t.Point, TrialState.Completed, t.Value, t.Enqueued))
        );
        CollectionAssert.AreEquivalent(
            sweep.Space.Parameters.Select(p => p.Name).ToArray(),
            importances.Select(i => i.Name).ToArray()
        );
    }

    // Each of two hidden layers has as many epochs as the output layer after them, and folds begin after those of all.
    [TestMethod]
    public void Folds_of_layers_that_are_trained_one_after_another_have_epochs_of_their_own()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Layers();
        trainer.LayerOrder = LayerOrder.BottomUp;
        Assert.IsFalse(SweepMetric.MicroAccuracy.IsMeasuredAfterEpochs(trainer));
        InfomorphicSweep sweep = Create(Options(store, 2) with { Trainer = trainer, Space = TwoLayers });
        SweepResult result = sweep.CrossValidate(Context.Data.CrossValidationSplit(TrainRows, 2, seed: 4));
        foreach (StoredTrial trial in result.Trials)
        {
            Assert.AreEqual(StoredTrialState.Completed, trial.State, trial.Error);
            Assert.HasCount(2 * 3 * Epochs, trial.EpochValues);
            Assert.IsTrue(trial.EpochValues.All(double.IsFinite));
        }
    }

    [TestMethod]
    public void Ablation_of_a_layer_leaves_the_other_layers_as_they_are()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(
            Options(store, 1) with
            {
                Trainer = Layers(),
                Space = TwoLayers,
                EnqueueTrainer = true,
                Metric = SweepMetric.LogLoss,
            }
        );
        ParameterPoint point = sweep.StartingPoints[0];
        GoalFunction goal = sweep.GoalAt(point, 1)!;
        IReadOnlyList<Ablation> ablations = sweep.Ablate(point, TrainRows, ValidationRows, layer: 1);

        Assert.HasCount(goal.Gamma.Count(v => v != 0), ablations);
        Ablation one = ablations[0];
        Assert.AreEqual(1, one.Layer);
        Assert.AreEqual($"layer 2 {one.Atom}", one.Name);
        double[] values = [.. point.Values];
        values[sweep.Space.IndexOf(one.Name)] = 0;
        Assert.AreEqual(
            ValueOf(sweep, sweep.Space.CreatePoint(values), SweepMetric.LogLoss, TrainRows, ValidationRows),
            one.Value
        );
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.Ablate(point, TrainRows, ValidationRows)).Message,
            "There are 2 hidden layers: say which of them."
        );
    }

    [TestMethod]
    public void Ablation_trains_the_goal_without_each_of_its_weights()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 1) with { EnqueueTrainer = true, Metric = SweepMetric.LogLoss });
        ParameterPoint point = sweep.StartingPoints.Single();
        IReadOnlyList<Ablation> ablations = sweep.Ablate(point, TrainRows, ValidationRows);

        GoalFunction goal = GoalFunctions.Heuristic;
        Assert.HasCount(goal.Gamma.Count(v => v != 0), ablations);
        double whole = ValueOf(sweep, point, SweepMetric.LogLoss, TrainRows, ValidationRows);
        Assert.IsTrue(ablations.All(a => a.Before == whole));
        CollectionAssert.AreEqual(
            ablations.Select(a => a.Value).OrderDescending().ToArray(), // a large loss is harmful
            ablations.Select(a => a.Value).ToArray()
        );
        Ablation one = ablations[0];
        int index = sweep.Space.IndexOf(one.Atom);
        Assert.AreEqual(goal.Gamma[index], one.Weight);
        double[] values = [.. point.Values];
        values[index] = 0;
        Assert.AreEqual(
            ValueOf(sweep, sweep.Space.CreatePoint(values), SweepMetric.LogLoss, TrainRows, ValidationRows),
            one.Value
        );
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, false, "context/naive")]
    [DataRow(ContextSignal.None, true, "lateral/naive")]
    public void Goals_of_hidden_neurons_with_two_sources_are_searched_and_ablated(
        ContextSignal context,
        bool lateralInput,
        string goal
    )
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Context = context;
        trainer.LateralInput = lateralInput;
        trainer.Goal = goal;
        GoalFunction start = GoalFunction.Parse(goal, context == ContextSignal.None ? "FL" : "FC");
        InfomorphicSweep sweep = Create(
            Options(store, 3) with
            {
                Trainer = trainer,
                Space = TrainerSpace
                    .Empty.WithGoal(GoalSpace.From(start).FreeAll(-1, 1))
                    .With(TrainerOption.BivariateK, 0.5, 1),
                EnqueueTrainer = true,
            }
        );
        Assert.HasCount(start.Gamma.Count + 1, sweep.Space.Parameters);
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);

        Assert.AreEqual(start, sweep.GoalAt(result.Trials[0].Point));
        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.AreNotEqual(start, sweep.GoalAt(result.Trials[1].Point));
        Assert.HasCount(
            start.Gamma.Count(v => v != 0),
            sweep.Ablate(sweep.StartingPoints[0], TrainRows, ValidationRows)
        );
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() =>
                    Create(
                        Options(store, 3) with
                        {
                            Space = TrainerSpace.Empty.WithGoal(GoalSpace.From(start).FreeAll(-1, 1)),
                        }
                    )
                )
                .Message,
            "the hidden neurons have FCL"
        );
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, true)]
    [DataRow(ContextSignal.Feedback, true)]
    [DataRow(ContextSignal.Label, false)]
    [DataRow(ContextSignal.None, true)]
    public void A_goal_that_is_not_searched_is_the_trainers(ContextSignal context, bool lateralInput)
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Context = context;
        trainer.LateralInput = lateralInput;
        trainer.Goal = "auto";
        InfomorphicSweep sweep = Create(
            Options(store, 1) with
            {
                Trainer = trainer,
                Space = TrainerSpace.Empty.With(TrainerOption.LearningRate, 1e-3, 0.1),
                EnqueueTrainer = true,
            }
        );
        ParameterPoint point = sweep.StartingPoints.Single();
        InfomorphicModelParameters model = Context
            .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(point))
            .Fit(TrainRows)
            .Model;
        Assert.AreEqual(model.Network.HiddenLayers[0].Goal, sweep.GoalAt(point));
    }
}
