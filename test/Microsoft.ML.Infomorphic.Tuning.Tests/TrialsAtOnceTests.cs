using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Sweeps whose workers train several trials as one network.</summary>
[TestClass]
public sealed class TrialsAtOnceTests
{
    private static readonly MLContext s_context = new(seed: 1);
    private static readonly IDataView s_train = Rows(seed: 1, count: 150);
    private static readonly IDataView s_validation = Rows(seed: 2, count: 90);

    private static readonly TrainerSpace s_space = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true)
        .With(TrainerOption.Beta1, 1, 3);

    // A tuner that does not learn proposes the same whether it is told in between or not.
    [TestMethod]
    [DataRow(1, 4)]
    [DataRow(2, 3)]
    public void Trials_come_to_what_they_come_to_one_by_one(int folds, int atOnce)
    {
        SweepResult one = Run(s_space, 1, folds);
        SweepResult many = Run(s_space, atOnce, folds);
        Assert.HasCount(7, many.Trials);
        for (int i = 0; i < 7; i++)
        {
            Assert.AreEqual(one.Trials[i].Point, many.Trials[i].Point);
            Assert.AreEqual(one.Trials[i].Value, many.Trials[i].Value);
            CollectionAssert.AreEqual(one.Trials[i].EpochValues.ToArray(), many.Trials[i].EpochValues.ToArray());
        }

        Assert.AreEqual(one.Best!.Number, many.Best!.Number);
    }

    // Four trials of three sizes are trained as groups of their own.
    [TestMethod]
    public void Trials_of_other_shapes_are_trained_apart()
    {
        TrainerSpace sizes = s_space.With(TrainerOption.NumberOfHiddenNeurons, 3, 5);
        SweepResult one = Run(sizes, 1);
        SweepResult many = Run(sizes, 4);
        CollectionAssert.AreEqual(
            one.Trials.Select(trial => trial.Value).ToArray(),
            many.Trials.Select(trial => trial.Value).ToArray()
        );
    }

    // Those of one size are trained together.
    [TestMethod]
    public void Trials_of_layers_come_to_what_they_come_to_one_by_one()
    {
        TrainerSpace space = TrainerSpace
            .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 0)
            .WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 1)
            .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true, layer: 0)
            .With(TrainerOption.NumberOfHiddenNeurons, 3, 4, layer: 1);
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.NumberOfHiddenNeurons = new InfomorphicTrainer.Options().NumberOfHiddenNeurons;
        trainer.HiddenLayers = [new() { NumberOfNeurons = 4 }, new() { NumberOfNeurons = 4, Alpha1 = 0.2 }];
        SweepResult one = Run(space, 1, trainer: trainer);
        SweepResult many = Run(space, 4, trainer: trainer);
        Assert.HasCount(2, one.Trials.Select(trial => trial.Point["layer 2 NumberOfNeurons"]).Distinct());
        for (int i = 0; i < 7; i++)
        {
            Assert.AreEqual(one.Trials[i].Point, many.Trials[i].Point);
            Assert.AreEqual(StoredTrialState.Completed, many.Trials[i].State, many.Trials[i].Error);
            Assert.AreEqual(one.Trials[i].Value, many.Trials[i].Value);
            CollectionAssert.AreEqual(one.Trials[i].EpochValues.ToArray(), many.Trials[i].EpochValues.ToArray());
        }
    }

    [TestMethod]
    public void A_pruned_trial_leaves_the_others_as_they_are()
    {
        SweepResult one = Run(s_space, 1);
        SweepResult many = Run(s_space, 4, pruner: new PruneEverySecond());
        for (int i = 0; i < 7; i++)
        {
            Assert.AreEqual(i % 2 == 0 ? StoredTrialState.Completed : StoredTrialState.Pruned, many.Trials[i].State);
            if (i % 2 == 0)
                Assert.AreEqual(one.Trials[i].Value, many.Trials[i].Value);
            else
                CollectionAssert.AreEqual(
                    one.Trials[i].EpochValues.Take(2).ToArray(),
                    many.Trials[i].EpochValues.ToArray()
                );
        }
    }

    // Learning tuners know of the trials that are under way: they do not propose the same again.
    [TestMethod]
    [DataRow("tpe")]
    [DataRow("cma-es")]
    public void Trials_of_a_batch_differ_and_the_sweep_resumes(string tuner)
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());
        Func<SearchSpace, OptimizationDirection, Tuner> create = (space, direction) =>
            tuner == "tpe"
                ? new TpeTuner(space, direction, 1, new TpeOptions { StartupTrials = 4 })
                : new CmaEsTuner(space, direction, 1);
        _ = Run(s_space, 4, trials: 8, tuner: create, store: store);
        SweepResult result = Run(s_space, 4, trials: 14, tuner: create, store: store);
        Assert.HasCount(14, result.Trials);
        Assert.IsTrue(result.Trials.All(trial => trial.State == StoredTrialState.Completed));
        Assert.HasCount(14, result.Trials.Select(trial => trial.Point).Distinct().ToArray());
    }

    [TestMethod]
    public void Cancellation_gives_all_trials_of_a_batch_back()
    {
        using TrialStore store = TrialStore.Open(TrialStores.NewFile());
        using var cancellation = new CancellationTokenSource();
        SweepResult cancelled = Run(
            s_space,
            3,
            store: store,
            progress: progress =>
            {
                if (progress.Trial == 4 && progress.Epoch == 2)
                    cancellation.Cancel();
            },
            cancellationToken: cancellation.Token
        );
        Assert.AreEqual(SweepOutcome.Cancelled, cancelled.Outcome);
        CollectionAssert.AreEqual(
            new[] { 0, 0, 0, 1, 1, 1 },
            cancelled.Trials.Select(trial => trial.State == StoredTrialState.Queued ? 1 : 0).ToArray()
        );
        SweepResult whole = Run(s_space, 3, store: store);
        CollectionAssert.AreEqual(
            Run(s_space, 1).Trials.Select(trial => trial.Value).ToArray(),
            whole.Trials.Select(trial => trial.Value).ToArray()
        );
    }

    [TestMethod]
    public void Less_than_one_at_once_is_refused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Run(s_space, 0));
    }

    private static SweepResult Run(
        TrainerSpace space,
        int atOnce,
        int folds = 1,
        int trials = 7,
        IPruner? pruner = null,
        Func<SearchSpace, OptimizationDirection, Tuner>? tuner = null,
        TrialStore? store = null,
        Action<SweepProgress>? progress = null,
        InfomorphicTrainer.Options? trainer = null,
        CancellationToken cancellationToken = default
    )
    {
        using TrialStore? own = store is null ? TrialStore.Open(TrialStores.NewFile()) : null;
        InfomorphicSweep sweep = s_context.MulticlassClassification.CreateInfomorphicSweep(
            new InfomorphicSweepOptions
            {
                Space = space,
                Store = store ?? own!,
                StudyName = "s",
                EnqueuePresets = false,
                Tuner = tuner ?? ((s, direction) => new RandomTuner(s, direction, 1)),
                TrialsAtOnce = atOnce,
                Trainer = trainer ?? Trainer(),
                Sweep = new SweepOptions
                {
                    MaximumTrials = trials,
                    Pruner = pruner,
                    Progress = progress,
                },
            }
        );
        return folds == 1
            ? sweep.Execute(s_train, s_validation, cancellationToken)
            : sweep.CrossValidate(s_context.Data.CrossValidationSplit(s_train, folds, seed: 4), cancellationToken);
    }

    private static InfomorphicTrainer.Options Trainer() =>
        new()
        {
            NumberOfHiddenNeurons = 4,
            NumberOfEpochs = 3,
            BatchSize = 50,
            NumberOfThreads = 1,
            Device = "cpu",
        };

    private static IDataView Rows(int seed, int count)
    {
        var random = new Random(seed);
        Row[] rows =
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new Row
                {
                    Class = $"c{i % 3}",
                    Features =
                    [
                        .. Enumerable.Range(0, 4).Select(j => (j == i % 3 ? 1.2f : 0) + 2 * random.NextSingle() - 1),
                    ],
                }),
        ];
        IDataView raw = s_context.Data.LoadFromEnumerable(rows);
        return s_context.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(raw).Transform(raw);
    }

    private sealed class Row
    {
        public string Class { get; set; } = "";

        [VectorType(4)]
        public float[] Features { get; set; } = [];
    }

    private sealed class PruneEverySecond : IPruner
    {
        public bool ShouldPrune(
            LearningCurve trial,
            IReadOnlyCollection<LearningCurve> others,
            OptimizationDirection direction
        ) => trial.Trial % 2 == 1 && trial.Values.Count == 2;
    }
}
