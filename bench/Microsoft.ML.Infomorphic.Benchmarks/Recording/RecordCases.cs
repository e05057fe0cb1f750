using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>A training that is recorded.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Test">The rows that its models score.</param>
/// <param name="Fit">Trains, with a context and a number of threads.</param>
/// <param name="Says">What the log must say for the case to be what its name says; null for nothing.</param>
internal sealed record RecordCase(
    string Name,
    Func<RecordRows> Test,
    Func<MLContext, int, IReadOnlyList<InfomorphicPredictionTransformer>> Fit,
    string? Says = null
);

/// <summary>The trainings that are recorded, through the public trainer.</summary>
internal static class RecordCases
{
    private const int Wide = 512;

    private static readonly RecordRows s_train = RecordRows.MakeUp(600, 20, 3, seed: 1);
    private static readonly RecordRows s_validation = RecordRows.MakeUp(250, 20, 3, seed: 2);
    private static readonly RecordRows s_other = RecordRows.MakeUp(500, 20, 3, seed: 3);
    private static readonly RecordRows s_test = RecordRows.MakeUp(100, 20, 3, seed: 4);
    private static readonly Lazy<RecordRows> s_wideTrain = new(() => RecordRows.MakeUp(900, Wide, 3, seed: 5));
    private static readonly Lazy<RecordRows> s_wideValidation = new(() => RecordRows.MakeUp(500, Wide, 3, seed: 6));
    private static readonly Lazy<RecordRows> s_wideTest = new(() => RecordRows.MakeUp(100, Wide, 3, seed: 7));

    // The published goals: over three sources, over F and C, over F and L.
    private static readonly string[] s_goals =
    [
        "opt_1_100_tpe",
        "opt_2_100_tpe",
        "opt_3_100_tpe",
        "opt_1_100_cmaes",
        "opt_2_100_cmaes",
        "opt_3_100_cmaes",
        "opt_1_1000",
        "opt_1_100_CIFAR",
        "opt_1_100_modified",
        "naive",
    ];

    private static readonly string[] s_contextGoals =
    [
        "context/opt_1_100",
        "context/opt_2_100",
        "context/naive",
        "output",
    ];

    private static readonly string[] s_lateralGoals = ["lateral/opt_1_100", "lateral/opt_2_100", "lateral/naive"];

    /// <summary>All of them.</summary>
    /// <param name="mnist">Reads MNIST: training rows and test rows.</param>
    public static IEnumerable<RecordCase> All(Func<(RecordRows Train, RecordRows Test)> mnist) =>
        [.. SetUps(), .. Learning(), .. Data(), .. Together(), .. Goals(), .. Mnist(mnist)];

    private static IEnumerable<RecordCase> SetUps() =>
        [
            Case("setup1", options => options.NumberOfHiddenNeurons = 40),
            Case("setup1-one-neuron", options => options.NumberOfHiddenNeurons = 1),
            Case("drawn-lateral", options => options.MaximumLateralConnections = 5),
            Case("setup3", options => options.Context = ContextSignal.Feedback),
            Case(
                "setup3-drawn-lateral",
                options =>
                {
                    options.Context = ContextSignal.Feedback;
                    options.MaximumLateralConnections = 5;
                }
            ),
            Case("context-only", ContextOnly),
            Case(
                "feedback-only",
                options =>
                {
                    ContextOnly(options);
                    options.Context = ContextSignal.Feedback;
                }
            ),
            Case("lateral-only", LateralOnly),
            Case(
                "lateral-only-drawn",
                options =>
                {
                    LateralOnly(options);
                    options.MaximumLateralConnections = 5;
                }
            ),
            Case("random-projection", options => options.HiddenLayer = HiddenLayerKind.Random),
            Case("no-hidden-layer", options => options.HiddenLayer = HiddenLayerKind.None),
            Case(
                "three-presentations",
                options =>
                {
                    Strong(options);
                    options.NumberOfPresentations = 3;
                }
            ),
            Case(
                "three-presentations-drawn-lateral",
                options =>
                {
                    Strong(options);
                    options.NumberOfPresentations = 3;
                    options.MaximumLateralConnections = 5;
                }
            ),
            Case(
                "five-presentations-feedback",
                options =>
                {
                    Strong(options);
                    options.Context = ContextSignal.Feedback;
                    options.NumberOfPresentations = 5;
                }
            ),
            Case(
                "five-presentations-feedback-only",
                options =>
                {
                    ContextOnly(options);
                    options.Context = ContextSignal.Feedback;
                    options.NumberOfPresentations = 5;
                    options.BivariateK = -0.5;
                    options.BivariateBeta = 3;
                }
            ),
        ];

    private static IEnumerable<RecordCase> Learning() =>
        [
            Case("adaptive-binning", options => options.Binning = BinningKind.Adaptive),
            Case(
                "adaptive-binning-context-only",
                options =>
                {
                    ContextOnly(options);
                    options.Binning = BinningKind.Adaptive;
                }
            ),
            Case("output-goal", options => options.OutputGoal = "context/naive"),
            Case(
                "decays-and-rates",
                options =>
                {
                    options.WeightDecay = 0.01;
                    options.OutputWeightDecay = 0.02;
                    options.FirstMomentDecay = 0.8;
                    options.SecondMomentDecay = 0.99;
                    options.OutputFirstMomentDecay = 0.7;
                    options.OutputSecondMomentDecay = 0.98;
                    options.Epsilon = 1e-6;
                    options.OutputEpsilon = 1e-7;
                }
            ),
            Case("standardization-global", options => options.Standardization = Standardization.Global),
            Case("standardization-none", options => options.Standardization = Standardization.None),
            Case("encoding-auto", options => options.Encoding = FeatureEncodingKind.Auto),
            Case(
                "encoding-piecewise-linear-missing-values",
                options =>
                {
                    options.Encoding = FeatureEncodingKind.PiecewiseLinear;
                    options.MissingValues = MissingValues.Indicate;
                }
            ),
            Case("validation", options => options.NumberOfEpochs = 4, validation: s_validation),
            Case("best-epoch", StopsEarly, validation: s_validation, says: "Stopped after epoch"),
            Case(
                "best-epoch-feedback-drawn-lateral",
                options =>
                {
                    StopsEarly(options);
                    options.Context = ContextSignal.Feedback;
                    options.MaximumLateralConnections = 5;
                },
                validation: s_validation,
                says: "Kept the weights of epoch"
            ),
            Continued("continued", _ => { }),
            Continued(
                "continued-feedback-drawn-lateral",
                options =>
                {
                    options.Context = ContextSignal.Feedback;
                    options.MaximumLateralConnections = 5;
                }
            ),
            Continued("continued-random-projection", options => options.HiddenLayer = HiddenLayerKind.Random),
            Continued("continued-with-validation", StopsEarly, s_validation),
        ];

    private static IEnumerable<RecordCase> Data() =>
        [
            Case("sparse", _ => { }, () => s_train.Sparse()),
            Case(
                "sparse-random-projection",
                options => options.HiddenLayer = HiddenLayerKind.Random,
                () => s_train.Sparse()
            ),
            Case(
                "sparse-no-hidden-layer",
                options => options.HiddenLayer = HiddenLayerKind.None,
                () => s_train.Sparse()
            ),
            Case("weighted", Weighted),
            Case(
                "weighted-feedback-drawn-lateral",
                options =>
                {
                    Weighted(options);
                    options.Context = ContextSignal.Feedback;
                    options.MaximumLateralConnections = 5;
                }
            ),
            Case(
                "class-without-rows",
                _ => { },
                () => RecordRows.MakeUp(600, 20, 4, seed: 8, classesWithRows: 3),
                test: () => RecordRows.MakeUp(100, 20, 4, seed: 9)
            ),
            Case("small-batches", options => options.BatchSize = 7),
            Case("one-batch", options => options.BatchSize = 1024),
            Streamed("streamed", () => s_wideTrain.Value),
            Streamed("streamed-sparse", () => RecordRows.MakeUp(4000, Wide, 3, seed: 5).Sparse()),
            Streamed("streamed-with-validation", () => s_wideTrain.Value, () => s_wideValidation.Value),
        ];

    private static IEnumerable<RecordCase> Together() =>
        [
            Many("many", _ => { }),
            Many("many-drawn-lateral", options => options.MaximumLateralConnections = 5),
            Many("many-setup3", options => options.Context = ContextSignal.Feedback),
            Many("many-with-validation", _ => { }, s_validation),
            Many(
                "many-some-stop",
                options =>
                {
                    if (options.Goal != "naive")
                        StopsEarly(options);
                },
                s_validation
            ),
        ];

    // Each with an activation of its own.
    private static IEnumerable<RecordCase> Goals() =>
        s_goals
            .Select(
                (goal, i) =>
                    Case(
                        "goal-" + goal,
                        options =>
                        {
                            options.Goal = goal;
                            options.Alpha1 = 0.1 + 0.05 * i;
                            options.Alpha2 = 0.6 - 0.05 * i;
                            options.Beta1 = 1 + 0.25 * i;
                            options.Beta2 = 3 - 0.25 * i;
                        }
                    )
            )
            .Concat(s_contextGoals.Select((goal, i) => Bivariate(goal, ContextOnly, i)))
            .Concat(s_lateralGoals.Select((goal, i) => Bivariate(goal, LateralOnly, i)));

    private static RecordCase Bivariate(string goal, Action<InfomorphicTrainer.Options> change, int i) =>
        Case(
            "goal-" + goal,
            options =>
            {
                change(options);
                options.Goal = goal;
                options.BivariateK = 0.8 - 0.3 * i;
                options.BivariateBeta = 1 + 0.5 * i;
                options.NumberOfBins = 12 + 4 * i;
                options.BinningRange = 10 + 4 * i;
            }
        );

    private static IEnumerable<RecordCase> Mnist(Func<(RecordRows Train, RecordRows Test)> mnist) =>
        [
            Case("mnist", Large, () => mnist().Train, test: () => mnist().Test),
            Case(
                "mnist-feedback-drawn-lateral",
                options =>
                {
                    Large(options);
                    options.Context = ContextSignal.Feedback;
                    options.MaximumLateralConnections = 30;
                },
                () => mnist().Train,
                test: () => mnist().Test
            ),
        ];

    private static RecordCase Case(
        string name,
        Action<InfomorphicTrainer.Options> change,
        Func<RecordRows>? train = null,
        RecordRows? validation = null,
        Func<RecordRows>? test = null,
        string? says = null
    ) =>
        new(
            name,
            test ?? (() => s_test),
            (context, threads) =>
            {
                IDataView rows = (train?.Invoke() ?? s_train).View(context);
                InfomorphicTrainer trainer = Trainer(context, threads, change);
                return [validation is null ? trainer.Fit(rows) : trainer.Fit(rows, validation.View(context))];
            },
            says
        );

    // Goes on, with another seed, on other rows.
    private static RecordCase Continued(
        string name,
        Action<InfomorphicTrainer.Options> change,
        RecordRows? validation = null
    ) =>
        new(
            name,
            () => s_test,
            (context, threads) =>
            {
                IDataView judges = s_validation.View(context);
                IDataView rows = s_other.View(context);
                InfomorphicTrainer trainer = Trainer(context, threads, change);
                IDataView first = s_train.View(context);
                InfomorphicModelParameters earlier = (
                    validation is null ? trainer.Fit(first) : trainer.Fit(first, judges)
                ).Model;
                InfomorphicTrainer next = Trainer(
                    context,
                    threads,
                    options =>
                    {
                        change(options);
                        options.Seed = 2;
                    }
                );
                return [validation is null ? next.Fit(rows, earlier) : next.Fit(rows, judges, earlier)];
            }
        );

    private static RecordCase Streamed(string name, Func<RecordRows> train, Func<RecordRows>? validation = null) =>
        new(
            name,
            () => s_wideTest.Value,
            (context, threads) =>
            {
                InfomorphicTrainer trainer = Trainer(
                    context,
                    threads,
                    options =>
                    {
                        options.NumberOfHiddenNeurons = 24;
                        options.BatchSize = 64;
                        options.NumberOfEpochs = 2;
                        options.MemoryBudget = 1;
                    }
                );
                IDataView rows = train().View(context);
                return [validation is null ? trainer.Fit(rows) : trainer.Fit(rows, validation().View(context))];
            },
            "and is streamed in blocks of"
        );

    // Three trainers with two goals; the third one differs from the first in its rates and its activation.
    private static RecordCase Many(
        string name,
        Action<InfomorphicTrainer.Options> change,
        RecordRows? validation = null
    ) =>
        new(
            name,
            () => s_test,
            (context, threads) =>
            {
                InfomorphicTrainer[] trainers =
                [
                    Trainer(context, threads, change),
                    Trainer(
                        context,
                        threads,
                        options =>
                        {
                            options.Goal = "naive";
                            change(options);
                        }
                    ),
                    Trainer(
                        context,
                        threads,
                        options =>
                        {
                            options.LearningRate = 0.005;
                            options.OutputLearningRate = 0.01;
                            options.Alpha1 = 0.3;
                            options.Beta2 = 1.5;
                            options.NumberOfEpochs = 2;
                            change(options);
                        }
                    ),
                ];
                return
                [
                    .. InfomorphicTrainer
                        .FitMany(trainers, s_train.View(context), validation?.View(context))
                        .Select(outcome => outcome.GetTransformer()),
                ];
            }
        );

    private static InfomorphicTrainer Trainer(MLContext context, int threads, Action<InfomorphicTrainer.Options> change)
    {
        var options = new InfomorphicTrainer.Options
        {
            Encoding = FeatureEncodingKind.None,
            NumberOfHiddenNeurons = 30,
            NumberOfEpochs = 3,
            BatchSize = 128,
            LearningRate = 0.02,
            OutputLearningRate = 0.03,
            Seed = 1,
            Device = "cpu",
            NumberOfThreads = threads,
        };
        change(options);
        return context.MulticlassClassification.Trainers.Infomorphic(options);
    }

    private static void ContextOnly(InfomorphicTrainer.Options options) => options.LateralInput = false;

    private static void LateralOnly(InfomorphicTrainer.Options options) => options.Context = ContextSignal.None;

    private static void Weighted(InfomorphicTrainer.Options options) =>
        options.ExampleWeightColumnName = nameof(RecordRow.Weight);

    private static void StopsEarly(InfomorphicTrainer.Options options)
    {
        options.NumberOfEpochs = 12;
        options.LearningRate = 0.1;
        options.OutputLearningRate = 0.1;
        options.RestoreBestEpoch = true;
        options.EarlyStoppingRounds = 2;
    }

    // What neurons hear counts for more than in the paper, so that another presentation makes a difference.
    private static void Strong(InfomorphicTrainer.Options options)
    {
        options.Alpha1 = 1;
        options.Alpha2 = 1;
    }

    private static void Large(InfomorphicTrainer.Options options)
    {
        options.NumberOfHiddenNeurons = 100;
        options.NumberOfEpochs = 2;
        options.BatchSize = 1024;
    }
}
