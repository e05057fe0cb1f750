using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Sweeps over the trainer of labels that are true or false.</summary>
[TestClass]
public sealed class BinarySweepTests
{
    private const int Epochs = 3;

    private static readonly MLContext s_context = new(seed: 1);

    private static readonly IDataView s_train = Rows(seed: 1, count: 120);

    private static readonly IDataView s_validation = Rows(seed: 2, count: 90);

    public static IEnumerable<object[]> Metrics =>
        [
            [SweepMetric.AreaUnderRocCurve, Of(m => m.AreaUnderRocCurve)],
            [SweepMetric.AreaUnderPrecisionRecallCurve, Of(m => m.AreaUnderPrecisionRecallCurve)],
            [SweepMetric.F1Score, Of(m => m.F1Score)],
            [SweepMetric.MicroAccuracy, Of(m => m.Accuracy)],
            [SweepMetric.MacroAccuracy, Of(m => (m.PositiveRecall + m.NegativeRecall) / 2)],
            [SweepMetric.LogLoss, Of(m => m.LogLoss * Math.Log(2))],
            [SweepMetric.LogLossReduction, Of(m => m.LogLossReduction)],
            [
                SweepMetric.CreateBinary("Recall", OptimizationDirection.Maximize, m => m.PositiveRecall),
                Of(m => m.PositiveRecall),
            ],
        ];

    [TestMethod]
    [DynamicData(nameof(Metrics))]
    public void The_best_trial_is_best_in_the_metrics_direction_and_can_be_trained_again(
        SweepMetric metric,
        Func<CalibratedBinaryClassificationMetrics, double> value
    )
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());
        InfomorphicSweep sweep = Create(store, metric);

        SweepResult result = sweep.Execute(s_train, s_validation);

        double[] values = [.. result.Trials.Select(trial => trial.Value!.Value)];
        Assert.HasCount(4, values);
        double best = result.Best!.Value!.Value;
        Assert.AreEqual(metric.Direction == OptimizationDirection.Maximize ? values.Max() : values.Min(), best);
        Assert.AreEqual(
            value(
                s_context.BinaryClassification.Evaluate(
                    s_context
                        .BinaryClassification.Trainers.Infomorphic(sweep.OptionsAt(result.Best.Point))
                        .Fit(s_train, s_validation)
                        .Transform(s_validation)
                )
            ),
            best
        );
        Assert.IsTrue(result.Trials.All(trial => trial.EpochValues.Count == Epochs));
    }

    [TestMethod]
    public void Trials_at_once_and_folds_give_what_they_give_alone()
    {
        using TrialStore one = TrialStore.Open(TrialStores.NewFile());
        using TrialStore both = TrialStore.Open(TrialStores.NewFile());
        IReadOnlyList<DataOperationsCatalog.TrainTestData> folds = s_context.Data.CrossValidationSplit(
            s_train,
            numberOfFolds: 2,
            seed: 1
        );

        double[] alone = Values(Create(one, SweepMetric.LogLoss).CrossValidate(folds));
        double[] together = Values(Create(both, SweepMetric.LogLoss, trialsAtOnce: 4).CrossValidate(folds));

        CollectionAssert.AreEqual(alone, together);

        static double[] Values(SweepResult result) => [.. result.Trials.Select(trial => trial.Value!.Value)];
    }

    [TestMethod]
    public void Weights_of_the_goal_are_taken_away_one_by_one()
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());
        InfomorphicSweep sweep = Create(store, SweepMetric.LogLoss);
        ParameterPoint point = sweep.Execute(s_train, s_validation).Best!.Point;

        IReadOnlyList<Ablation> ablations = sweep.Ablate(point, s_train, s_validation);

        Assert.HasCount(sweep.GoalAt(point)!.Gamma.Count(weight => weight != 0), ablations);
        Assert.IsTrue(ablations.All(ablation => double.IsFinite(ablation.Value)));
    }

    [TestMethod]
    public void A_metric_of_the_other_task_is_refused()
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());

        Assert.AreEqual(
            "Top 2 is a metric of multiclass classification: take another one, or create the sweep from mlContext.MulticlassClassification.",
            Assert
                .ThrowsExactly<ArgumentException>(() =>
                    Create(
                        store,
                        SweepMetric.Create("Top 2", OptimizationDirection.Maximize, m => m.TopKAccuracyForAllK[1])
                    )
                )
                .Message
        );
        Assert.AreEqual(
            "F1Score is a metric of binary classification: take another one, or create the sweep from mlContext.BinaryClassification.",
            Assert
                .ThrowsExactly<ArgumentException>(() =>
                    s_context.MulticlassClassification.CreateInfomorphicSweep(Options(store, SweepMetric.F1Score, 1))
                )
                .Message
        );
    }

    [TestMethod]
    public void A_study_of_two_classes_is_not_one_of_several()
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());
        Create(store, SweepMetric.LogLoss).Execute(s_train, s_validation);

        Assert.ThrowsExactly<ArgumentException>(() =>
            s_context
                .MulticlassClassification.CreateInfomorphicSweep(Options(store, SweepMetric.LogLoss, 1))
                .Execute(s_train, s_validation)
        );
    }

    private static Func<CalibratedBinaryClassificationMetrics, double> Of(
        Func<CalibratedBinaryClassificationMetrics, double> value
    ) => value;

    private static InfomorphicSweep Create(TrialStore store, SweepMetric metric, int trialsAtOnce = 1) =>
        s_context.BinaryClassification.CreateInfomorphicSweep(Options(store, metric, trialsAtOnce));

    private static InfomorphicSweepOptions Options(TrialStore store, SweepMetric metric, int trialsAtOnce)
    {
        InfomorphicTrainer.Options trainer = InfomorphicTrainer.Options.Paper();
        trainer.NumberOfHiddenNeurons = 4;
        trainer.NumberOfEpochs = Epochs;
        trainer.BatchSize = 32;
        trainer.NumberOfThreads = 1;
        trainer.Goal = "heuristic";
        return new InfomorphicSweepOptions
        {
            Space = TrainerSpace
                .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
                .With(TrainerOption.LearningRate, 1e-3, 0.1, logarithmic: true),
            Store = store,
            StudyName = "binary",
            Metric = metric,
            EnqueuePresets = false,
            TrialsAtOnce = trialsAtOnce,
            Trainer = trainer,
            Tuner = (space, direction) => new RandomTuner(space, direction, seed: 5),
            Sweep = new SweepOptions { MaximumTrials = 4 },
        };
    }

    // The first feature is larger where the label is true, and the clouds overlap.
    private static IDataView Rows(int seed, int count)
    {
        var random = new Random(seed);
        return s_context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new Row
                {
                    Label = i % 3 == 0,
                    Features =
                    [
                        .. Enumerable
                            .Range(0, 4)
                            .Select(j => (j == 0 && i % 3 == 0 ? 1.2f : 0) + 2 * random.NextSingle() - 1),
                    ],
                })
                .ToArray()
        );
    }

    private sealed class Row
    {
        public bool Label { get; set; }

        [VectorType(4)]
        public float[] Features { get; set; } = [];
    }
}
