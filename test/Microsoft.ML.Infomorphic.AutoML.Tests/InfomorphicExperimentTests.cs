using System.Collections.Concurrent;
using Microsoft.ML.AutoML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Tuning;

namespace Microsoft.ML.Infomorphic.AutoML.Tests;

/// <summary>Experiments from end to end.</summary>
[TestClass]
public sealed class InfomorphicExperimentTests
{
    private static readonly TrainerSpace s_space = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);

    private readonly MLContext _context = new(seed: 1);
    private readonly ConcurrentQueue<InfomorphicExperimentProgress> _progress = [];

    private IDataView Train => Rows.Create(_context, seed: 1, count: 150);

    private IDataView Validation => Rows.Create(_context, seed: 2, count: 90);

    public static IEnumerable<object[]> Metrics =>
        [
            [SweepMetric.MicroAccuracy],
            [SweepMetric.LogLoss],
            [SweepMetric.LogLossReduction],
        ];

    [TestMethod]
    [DynamicData(nameof(Metrics))]
    public void Twenty_trials_find_the_metrics_best_and_its_model_is_saved_and_scores_the_same(SweepMetric metric)
    {
        InfomorphicTrialResult best = Experiment(20, new InfomorphicExperimentOptions { Metric = metric }).Execute();

        double[] values = [.. _progress.Where(p => p.Epoch is null).Select(p => p.Value)];
        Assert.HasCount(20, values);
        Assert.AreNotEqual(values.Min(), values.Max());
        Assert.AreEqual(metric.Direction == OptimizationDirection.Maximize ? values.Max() : values.Min(), best.Metric);
        Assert.AreEqual(Math.Abs(best.Metric), Math.Abs(best.Loss));

        using var file = new MemoryStream();
        _context.Model.Save(best.Model, Train.Schema, file);
        file.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(file, out _);
        float[][] original = Scores(best.Model);
        CollectionAssert.AreEqual(original.SelectMany(s => s).ToArray(), Scores(loaded).SelectMany(s => s).ToArray());
        Assert.HasCount(90, original);

        // The same options, trained without AutoML, come to the same value.
        InfomorphicTrainer.Options options = best.TrainerOptions!;
        TransformerChain<ITransformer> prepared = Prepared();
        IDataView validation = prepared.Transform(Validation);
        MulticlassClassificationMetrics again = _context.MulticlassClassification.Evaluate(
            _context
                .MulticlassClassification.Trainers.Infomorphic(options)
                .Fit(prepared.Transform(Train), validation)
                .Transform(validation),
            labelColumnName: "Target"
        );
        Assert.AreEqual(metric.Value!(again), best.Metric);
    }

    [TestMethod]
    public void Goals_and_sizes_of_two_layers_are_searched_and_the_best_model_is_saved_and_scores_the_same()
    {
        Tuner? tuner = null;
        InfomorphicTrialResult best = Experiment(
                4,
                new InfomorphicExperimentOptions
                {
                    Metric = SweepMetric.LogLoss,
                    EnqueuePresets = false,
                    Tuner = (space, direction) => tuner = Tpe(space, direction),
                },
                _context.Auto().Infomorphic(Rows.TwoLayers, Rows.Layers())
            )
            .Execute();

        Assert.AreEqual((4, 0), (_progress.Last().Completed, _progress.Last().Failed));
        double[] values = [.. _progress.Where(p => p.Epoch is null).Select(p => p.Value)];
        Assert.AreEqual(values.Min(), best.Metric);
        Assert.HasCount(4, tuner!.Trials.Select(t => t.Point).Distinct());
        IReadOnlyList<HiddenLayerOptions> layers = best.TrainerOptions!.HiddenLayers!;
        InfomorphicModelParameters model = ((TransformerChain<ITransformer>)best.Model)
            .SelectMany(step => step is TransformerChain<ITransformer> chain ? [.. chain] : new[] { step })
            .OfType<InfomorphicPredictionTransformer>()
            .Single()
            .Model;
        foreach (int layer in new[] { 0, 1 })
        {
            Assert.AreEqual(layers[layer].NumberOfNeurons, model.Network.HiddenLayers[layer].NeuronCount);
            Assert.AreEqual(
                GoalFunction.Parse(layers[layer].Goal, layer == 0 ? "FCL" : "FC"),
                model.Network.HiddenLayers[layer].Goal
            );
        }

        using var file = new MemoryStream();
        _context.Model.Save(best.Model, Train.Schema, file);
        file.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(file, out _);
        CollectionAssert.AreEqual(
            Scores(best.Model).SelectMany(s => s).ToArray(),
            Scores(loaded).SelectMany(s => s).ToArray()
        );
        TransformerChain<ITransformer> prepared = Prepared();
        IDataView validation = prepared.Transform(Validation);
        Assert.AreEqual(
            best.Metric,
            _context
                .MulticlassClassification.Evaluate(
                    _context
                        .MulticlassClassification.Trainers.Infomorphic(best.TrainerOptions)
                        .Fit(prepared.Transform(Train), validation)
                        .Transform(validation),
                    labelColumnName: "Target"
                )
                .LogLoss
        );
    }

    [TestMethod]
    public void Starting_points_come_first_and_choices_reach_the_trainer()
    {
        TrainerSpace space = TrainerSpace
            .Empty.WithChoice(options => options.Goal, "heuristic", "opt_1_100_tpe", "opt_1_100_modified")
            .WithChoice(options => options.NumberOfEpochs, 2, 3)
            .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.Goal = "heuristic";
        trainer.LearningRate = 0.01;
        InfomorphicTrainer.Options two = Rows.Trainer();
        two.NumberOfEpochs = 2;
        two.LearningRate = 0.02;
        Tuner? tuner = null;
        var options = new InfomorphicExperimentOptions
        {
            StartingPoints = [space.GetPoint("opt_1_100_modified", two), space.GetPoint("opt_1_100_tpe", trainer)],
            Tuner = (all, direction) => tuner = Tpe(all, direction),
        };
        Experiment(12, options, _context.Auto().Infomorphic(space, trainer)).Execute();

        CollectionAssert.AreEqual(
            new[] { (0.02, "opt_1_100_modified", "2"), (0.01, "opt_1_100_tpe", "3"), (0.01, "heuristic", "3") },
            tuner!
                .Trials.Where(trial => trial.Enqueued)
                .Select(trial =>
                {
                    Parameter[] all = [.. trial.Point.Space.Parameters];
                    return (
                        trial.Point.Values[0],
                        all[1].Format(trial.Point.Values[1]),
                        all[2].Format(trial.Point.Values[2])
                    );
                })
                .ToArray()
        );
        Assert.IsInstanceOfType<ChoiceParameter>(tuner.Space.Parameters[1]);
        foreach (Trial trial in tuner.Trials)
            Assert.AreEqual(
                trial.Point.Values[2] == 0 ? 2 : 3,
                _progress.Count(p => p.Trial == trial.Number && p.Epoch is not null)
            );
        Assert.IsGreaterThan(1, tuner.Trials.Skip(3).Select(trial => trial.Point.Values[1]).Distinct().Count());

        StringAssert.Contains(
            Assert
                .ThrowsExactly<ArgumentException>(() =>
                    Experiment(1, options, _context.Auto().Infomorphic(s_space, trainer))
                )
                .Message,
            "is of another search space than the pipeline's trainers"
        );
    }

    [TestMethod]
    public void Starting_points_of_one_of_several_trainers_are_trained_by_that_one()
    {
        InfomorphicTrainer.Options large = Rows.Trainer();
        large.NumberOfHiddenNeurons = 7;
        InfomorphicSweepableEstimator step = _context.Auto().Infomorphic(s_space, large);
        TrainerSpace rate = TrainerSpace.Empty.With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);
        var neurons = new List<int>();
        _context
            .Auto()
            .CreateExperiment()
            .SetInfomorphicPipeline(
                Rows.Preprocessing(_context).Append(_context.Auto().Infomorphic(rate, Rows.Trainer()), step),
                new InfomorphicExperimentOptions
                {
                    Tuner = Tpe,
                    Metric = SweepMetric.Create(
                        "Fewer",
                        OptimizationDirection.Maximize,
                        _ => neurons.Count // the newest trial is the best
                    ),
                    Progress = p =>
                    {
                        if (p.Epoch is null)
                            neurons.Add(p.Best!.TrainerOptions!.NumberOfHiddenNeurons!.Value);
                    },
                }
            )
            .SetDataset(Train, Validation)
            .SetMaxModelToExplore(1 + step.StartingPoints.Count)
            .Execute();
        CollectionAssert.AreEqual(
            new[] { 4 }.Concat(Enumerable.Repeat(7, step.StartingPoints.Count)).ToArray(),
            neurons
        );
    }

    [TestMethod]
    public void The_published_goals_come_first_and_only_the_best_trial_keeps_its_model()
    {
        var results = new List<InfomorphicTrialResult>();
        InfomorphicSweepableEstimator step = _context.Auto().Infomorphic(s_space, Rows.Trainer());
        Assert.IsGreaterThan(3, step.StartingPoints.Count);
        int trials = step.StartingPoints.Count + 3;
        Tuner? tuner = null;
        InfomorphicTrialResult best = Experiment(
                trials,
                new InfomorphicExperimentOptions
                {
                    Tuner = (space, direction) => tuner = Tpe(space, direction),
                    Progress = p =>
                    {
                        if (p is { Epoch: null, Best: { } now } && !results.Contains(now))
                            results.Add(now);
                    },
                },
                step
            )
            .Execute();

        Assert.AreEqual(step.StartingPoints.Count, tuner!.Trials.Count(t => t.Enqueued));
        Assert.HasCount(trials, tuner.Trials);
        Assert.AreEqual(-tuner.Best!.Value!.Value, best.Metric);
        Assert.IsGreaterThan(1, results.Count);
        Assert.AreSame(best, results[^1]);
        Assert.IsNotNull(best.Model);
        Assert.IsTrue(results[..^1].All(r => r.Model is null));
    }

    [TestMethod]
    public void Folds_are_the_same_for_every_trial_and_their_mean_counts()
    {
        var unseeded = new MLContext();
        IDataView rows = Rows.Create(unseeded, 1, 120);
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        InfomorphicTrialResult Run() =>
            unseeded
                .Auto()
                .CreateExperiment()
                .SetInfomorphicPipeline(
                    Rows.Preprocessing(unseeded).Append(unseeded.Auto().Infomorphic(s_space, trainer)),
                    new InfomorphicExperimentOptions { Metric = SweepMetric.LogLoss, Progress = _progress.Enqueue }
                )
                .SetDataset(rows, fold: 3)
                .SetMaxModelToExplore(3)
                .Execute();
        InfomorphicTrialResult first = Run();
        Assert.HasCount(9, first.EpochValues);
        Assert.AreEqual(first.Metric, Run().Metric);
    }

    public static IEnumerable<object[]> Pruners =>
        [
            [new MedianPruner(startupTrials: 3)],
            [new SuccessiveHalvingPruner(minimumEpochs: 1, reductionFactor: 2)],
        ];

    [TestMethod]
    [DynamicData(nameof(Pruners))]
    public void Hopeless_trials_end_early_and_are_never_the_best(IPruner pruner)
    {
        Tuner? tuner = null;
        InfomorphicTrialResult best = Experiment(
                16,
                new InfomorphicExperimentOptions
                {
                    Pruner = pruner,
                    Tuner = (space, direction) => tuner = Tpe(space, direction),
                }
            )
            .Execute();

        InfomorphicExperimentProgress last = _progress.Last();
        Assert.IsGreaterThan(0, last.Pruned);
        Assert.AreEqual((16, 0), (last.Completed + last.Pruned, last.Failed));
        Assert.AreEqual(last.Pruned, tuner!.Trials.Count(t => t.State == TrialState.Pruned));
        Assert.IsLessThan(16 * 3, _progress.Count(p => p.Epoch is not null));
        Assert.IsFalse(best.IsPruned);
        Assert.IsNotNull(best.Model);
    }

    [TestMethod]
    public void A_trial_that_fails_before_any_success_does_not_end_the_experiment()
    {
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.EpochEnded = _ =>
        {
            if (epochs++ < 2)
                throw new InvalidOperationException("No luck.");
        };
        Tuner? tuner = null;
        Experiment(
                5,
                new InfomorphicExperimentOptions { Tuner = (space, direction) => tuner = Tpe(space, direction) },
                _context.Auto().Infomorphic(s_space, trainer)
            )
            .Execute();
        Assert.AreEqual((3, 2), (_progress.Last().Completed, _progress.Last().Failed));
        Assert.AreEqual(TrialState.Failed, tuner!.Trials[0].State);
        Assert.AreEqual(TrialState.Failed, tuner.Trials[1].State);
    }

    [TestMethod]
    public void A_metric_that_is_always_NaN_ends_the_experiment_with_one_sentence()
    {
        var options = new InfomorphicExperimentOptions
        {
            Metric = SweepMetric.Create("Nothing", OptimizationDirection.Maximize, _ => double.NaN),
            MaximumFailuresWithoutValue = 4,
        };
        Assert.AreEqual(
            "No trial has a value; 4 of 4 failed because of this: Nothing of the validation data is NaN, and must be a finite number.",
            Assert.ThrowsExactly<InvalidOperationException>(() => Experiment(30, options).Execute()).Message
        );
        Assert.AreEqual(
            "No trial was finished in the time or the number of trials that the experiment had: give it more.",
            Assert.ThrowsExactly<InvalidOperationException>(() => Experiment(2, options).Execute()).Message
        );
    }

    [TestMethod]
    public void Cancellation_stops_a_trial_between_two_batches()
    {
        // An epoch has 20,000 batches. The last validation row is read before the first of them; soon after it, long before
        // the epoch is over, the experiment is cancelled.
        using var cancel = new CancellationTokenSource();
        bool began = false;
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.BatchSize = 2;
        trainer.EpochEnded = _ => Assert.Fail("The epoch was trained to its end.");
        AutoMLExperiment experiment = _context
            .Auto()
            .CreateExperiment()
            .SetInfomorphicPipeline(Rows.Preprocessing(_context).Append(_context.Auto().Infomorphic(s_space, trainer)))
            .SetDataset(
                Rows.Create(_context, seed: 1, count: 40_000),
                _context.Data.LoadFromEnumerable(ValidationRows())
            )
            .SetMaxModelToExplore(20);
        Assert.Throws<OperationCanceledException>(() => experiment.Execute(cancel.Token));
        Assert.IsTrue(began);

        IEnumerable<Rows.Row> ValidationRows()
        {
            foreach (Rows.Row row in Rows.List(seed: 2, count: 30))
                yield return row;
            began = true;
            cancel.CancelAfter(TimeSpan.FromMilliseconds(50));
        }
    }

    [TestMethod]
    public void Cancellation_of_AutoMLs_own_runner_stops_a_trial_between_two_batches()
    {
        using var cancel = new CancellationTokenSource();
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.BatchSize = 2;
        trainer.EpochEnded = _ =>
        {
            if (++epochs == 1)
                cancel.CancelAfter(TimeSpan.FromMilliseconds(10)); // long before the next 10,000 batches are over
        };
        AutoMLExperiment experiment = _context
            .Auto()
            .CreateExperiment()
            .SetPipeline(
                Rows.Preprocessing(_context).Append(_context.Auto().Infomorphic(s_space, trainer)),
                (space, direction) => new CmaEsTuner(space, direction, seed: 1)
            )
            .SetDataset(Rows.Create(_context, seed: 1, count: 20_000), Validation)
            .SetMulticlassClassificationMetric(MulticlassClassificationMetric.MicroAccuracy, labelColumn: "Target")
            .SetMaxModelToExplore(20);
        Assert.Throws<TimeoutException>(() => experiment.RunAsync(cancel.Token).GetAwaiter().GetResult());
        Assert.AreEqual(1, epochs);
    }

    [TestMethod]
    public void A_cancelled_experiment_gives_the_best_of_what_is_finished()
    {
        using var cancel = new CancellationTokenSource();
        InfomorphicTrialResult best = Experiment(
                50,
                new InfomorphicExperimentOptions
                {
                    Progress = p =>
                    {
                        _progress.Enqueue(p);
                        if (p is { Trial: 4, Epoch: 2 })
                            cancel.Cancel();
                    },
                }
            )
            .Execute(cancel.Token);
        Assert.AreEqual((4, 4, 2), (_progress.Last().Completed, _progress.Last().Trial, _progress.Last().Epoch!.Value));
        Assert.AreEqual(_progress.Where(p => p.Epoch is null).Max(p => p.Value), best.Metric);
        Assert.IsNotEmpty(Scores(best.Model));
    }

    [TestMethod]
    public void What_the_tuner_knows_is_saved_and_a_new_experiment_goes_on_from_there()
    {
        Tuner? whole = null;
        Experiment(12, new InfomorphicExperimentOptions { Tuner = (s, d) => whole = Tpe(s, d) }).Execute();

        Tuner? part = null;
        using var cancel = new CancellationTokenSource();
        Experiment(
                12,
                new InfomorphicExperimentOptions
                {
                    Tuner = (s, d) => part = Tpe(s, d),
                    Progress = p =>
                    {
                        if (p is { Trial: 7, Epoch: 1 })
                            cancel.Cancel();
                    },
                }
            )
            .Execute(cancel.Token);
        string saved = part!.Save();
        Experiment(5, new InfomorphicExperimentOptions { Tuner = (_, _) => part = Tuner.Load(saved) }).Execute();
        CollectionAssert.AreEqual(
            whole!.Trials.Select(t => (t.Point, t.Value)).ToArray(),
            part.Trials.Select(t => (t.Point, t.Value)).ToArray()
        );
    }

    [TestMethod]
    public void One_of_several_trainers_is_a_choice_for_TPE_and_refused_by_CMA_ES()
    {
        InfomorphicTrainer.Options large = Rows.Trainer();
        large.NumberOfHiddenNeurons = 7;
        SweepablePipeline pipeline = Rows.Preprocessing(_context)
            .Append(_context.Auto().Infomorphic(s_space, Rows.Trainer()), _context.Auto().Infomorphic(s_space, large));
        var sizes = new HashSet<int>();
        _context
            .Auto()
            .CreateExperiment()
            .SetInfomorphicPipeline(
                pipeline,
                new InfomorphicExperimentOptions
                {
                    EnqueuePresets = false,
                    Tuner = Tpe,
                    Progress = p => sizes.Add(p.Best?.TrainerOptions!.NumberOfHiddenNeurons ?? 4),
                    Metric = SweepMetric.LogLoss,
                }
            )
            .SetDataset(Train, Validation)
            .SetMaxModelToExplore(12)
            .Execute();
        CollectionAssert.AreEquivalent(new[] { 4, 7 }, sizes.ToArray());

        string message = Assert
            .Throws<ArgumentException>(() =>
                _context
                    .Auto()
                    .CreateExperiment()
                    .SetInfomorphicPipeline(
                        pipeline,
                        new InfomorphicExperimentOptions { Tuner = (s, d) => new CmaEsTuner(s, d, 1) }
                    )
            )
            .Message;
        StringAssert.Contains(message, "_pipeline_/_SCHEMA_");
    }

    [TestMethod]
    public void AutoMLs_own_runner_takes_the_tuners_too_and_its_model_outlives_the_trials_context()
    {
        Tuner? tuner = null;
        TrialResult best = _context
            .Auto()
            .CreateExperiment()
            .SetPipeline(
                Rows.Preprocessing(_context).Append(_context.Auto().Infomorphic(s_space, Rows.Trainer())),
                (space, direction) => tuner = new CmaEsTuner(space, direction, seed: 1)
            )
            .SetDataset(Train, Validation)
            .SetMulticlassClassificationMetric(MulticlassClassificationMetric.MicroAccuracy, labelColumn: "Target")
            .SetMaxModelToExplore(20)
            .Run();
        Assert.HasCount(20, tuner!.Trials);
        Assert.AreEqual(tuner.Trials.Min(t => t.Value), best.Loss);
        Assert.HasCount(90, Scores(best.Model));
    }

    public static IEnumerable<object[]> BinaryMetrics =>
        [
            [SweepMetric.AreaUnderRocCurve],
            [SweepMetric.LogLoss],
        ];

    [TestMethod]
    [DynamicData(nameof(BinaryMetrics))]
    public void Labels_that_are_true_or_false_are_searched_by_a_binary_metric_and_the_best_model_is_saved_and_scores_the_same(
        SweepMetric metric
    )
    {
        InfomorphicTrialResult best = BinaryExperiment(metric).SetMaxModelToExplore(20).Execute();

        double[] values = [.. _progress.Where(p => p.Epoch is null).Select(p => p.Value)];
        Assert.HasCount(20, values);
        Assert.AreNotEqual(values.Min(), values.Max());
        Assert.AreEqual(metric.Direction == OptimizationDirection.Maximize ? values.Max() : values.Min(), best.Metric);
        using var file = new MemoryStream();
        _context.Model.Save(best.Model, Train.Schema, file);
        file.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(file, out _);
        foreach (string column in new[] { "Score", "Probability" })
            CollectionAssert.AreEqual(
                best.Model.Transform(Validation).GetColumn<float>(column).ToArray(),
                loaded.Transform(Validation).GetColumn<float>(column).ToArray()
            );
        CalibratedBinaryClassificationMetrics again = _context.BinaryClassification.Evaluate(
            loaded.Transform(Validation),
            labelColumnName: "Target"
        );
        Assert.AreEqual(metric.BinaryValue!(again), best.Metric);
    }

    [TestMethod]
    public void A_binary_trainer_has_binary_metrics_and_no_multiclass_trainer_beside_it()
    {
        StringAssert.Contains(
            Assert
                .Throws<Exception>(() =>
                    BinaryExperiment(
                            SweepMetric.Create("Top 2", OptimizationDirection.Maximize, m => m.TopKAccuracyForAllK[1])
                        )
                        .SetMaxModelToExplore(1)
                        .Execute()
                )
                .GetBaseException()
                .Message,
            "Top 2 is a metric of multiclass classification"
        );
        StringAssert.Contains(
            Assert
                .ThrowsExactly<ArgumentException>(() =>
                    _context
                        .Auto()
                        .CreateExperiment()
                        .SetInfomorphicPipeline(
                            Rows.BinaryPreprocessing(_context)
                                .Append(_context.Auto().InfomorphicBinary(s_space, Rows.Trainer()))
                                .Append(_context.Auto().Infomorphic(s_space, Rows.Trainer()))
                        )
                )
                .Message,
            "The pipeline has infomorphic trainers of several classes and of two"
        );
    }

    [TestMethod]
    public void A_pipeline_without_the_trainer_and_an_experiment_without_data_are_refused()
    {
        AutoMLExperiment experiment = _context.Auto().CreateExperiment();
        var none = Rows.Preprocessing(_context)
            .Append(new SweepableEstimator((c, _) => c.Transforms.CopyColumns("A", "Numbers"), []));
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => experiment.SetInfomorphicPipeline(none)).Message,
            "The pipeline has no infomorphic trainer: append mlContext.Auto().Infomorphic(space)."
        );
        experiment.SetInfomorphicPipeline(
            Rows.Preprocessing(_context).Append(_context.Auto().Infomorphic(s_space, Rows.Trainer()))
        );
        StringAssert.StartsWith(
            Assert.Throws<InvalidOperationException>(() => experiment.SetMaxModelToExplore(1).Execute()).Message,
            "The experiment has no data: call SetDataset"
        );
    }

    private AutoMLExperiment Experiment(
        int trials,
        InfomorphicExperimentOptions options,
        InfomorphicSweepableEstimator? step = null
    ) =>
        _context
            .Auto()
            .CreateExperiment()
            .SetInfomorphicPipeline(
                Rows.Preprocessing(_context)
                    .Append(step ?? _context.Auto().Infomorphic(s_space, Rows.Trainer()))
                    .Append(_context.Transforms.Conversion.MapKeyToValue("Answer", "PredictedLabel")),
                options with
                {
                    Progress = options.Progress ?? _progress.Enqueue,
                }
            )
            .SetDataset(Train, Validation)
            .SetMaxModelToExplore(trials);

    private AutoMLExperiment BinaryExperiment(SweepMetric metric) =>
        _context
            .Auto()
            .CreateExperiment()
            .SetInfomorphicPipeline(
                Rows.BinaryPreprocessing(_context).Append(_context.Auto().InfomorphicBinary(s_space, Rows.Trainer())),
                new InfomorphicExperimentOptions { Metric = metric, Progress = _progress.Enqueue }
            )
            .SetDataset(Train, Validation);

    private TransformerChain<ITransformer> Prepared() => new(Rows.Preprocessing(_context).Fit(Train));

    private float[][] Scores(ITransformer model) => [.. model.Transform(Validation).GetColumn<float[]>("Score")];

    private static TpeTuner Tpe(Tuning.SearchSpace space, OptimizationDirection direction) =>
        new(space, direction, seed: 1, new TpeOptions { StartupTrials = 4 });
}
