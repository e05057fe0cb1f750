using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>Trainings with the tensor engine, on the CPU, that are recorded: through the library's internals.</summary>
internal static class RecordTensorCases
{
    private const int Features = 20;
    private const int Classes = 3;

    /// <summary>All of them: their names, and what trains with a number of threads.</summary>
    public static IEnumerable<(string Name, Func<int, IReadOnlyList<TrainingResult>> Train)> All()
    {
        TrainingSettings full = new()
        {
            HiddenNeurons = 30,
            Epochs = 3,
            BatchSize = 128,
            Goal = GoalFunctions.OptimizedTpe1,
            OutputGoal = GoalFunctions.Output,
            HiddenOptimizer = new AdamSettings(0.02, 0.00035),
            OutputOptimizer = new AdamSettings(0.03, 0.00015),
            Seed = 1,
        };
        TrainingSettings still = full with { Goal = null, Context = ContextSignal.None, LateralInput = false };
        return
        [
            Case("tensor-setup1", [full]),
            Case("tensor-drawn-lateral-weighted", [full with { MaximumLateralConnections = 5 }], weighted: true),
            Case(
                "tensor-three-presentations-feedback-drawn-lateral",
                [
                    full with
                    {
                        Context = ContextSignal.Feedback,
                        Presentations = 3,
                        MaximumLateralConnections = 5,
                        Activation = new ModulatedActivation(1, 1, 2, 2),
                    },
                ]
            ),
            Case(
                "tensor-context-only-adaptive-binning",
                [
                    full with
                    {
                        LateralInput = false,
                        Goal = GoalFunctions.ContextOptimized2,
                        Activation = new BivariateActivation(),
                        Binning = new Binning(20, 1, Adaptive: true),
                    },
                ]
            ),
            Case(
                "tensor-lateral-only",
                [
                    full with
                    {
                        Context = ContextSignal.None,
                        Goal = GoalFunctions.LateralOptimized2,
                        Activation = new BivariateActivation(),
                    },
                ]
            ),
            Case("tensor-random-projection", [still with { HiddenLayer = HiddenLayerKind.Random }]),
            Case("tensor-no-hidden-layer", [still with { HiddenLayer = HiddenLayerKind.None, HiddenNeurons = 0 }]),
            Case("tensor-best-epoch", [full with { RestoreBestEpoch = true, Epochs = 6 }], validated: true),
            Case("tensor-many", [full, full with { Goal = GoalFunctions.Heuristic, Epochs = 2 }]),
        ];
    }

    private static (string, Func<int, IReadOnlyList<TrainingResult>>) Case(
        string name,
        TrainingSettings[] trials,
        bool weighted = false,
        bool validated = false
    ) =>
        (
            name,
            threads =>
                [
                    .. NetworkTrainer
                        .TrainMany(
                            Rows(600, 1, weighted),
                            validated ? Rows(250, 2, weighted) : null,
                            [
                                .. trials.Select(settings => new TrainingRequest(
                                    settings with
                                    {
                                        Threads = threads,
                                    },
                                    new TrainingCallbacks()
                                )),
                            ],
                            initial: null,
                            (states, settings, maximum) =>
                                new TensorTrainingEngine(states, settings, maximum, torch.CPU)
                        )
                        .Select(outcome => outcome.GetResult()),
                ]
        );

    private static RowsInMemory Rows(int count, int seed, bool weighted)
    {
        IReadOnlyList<RecordRow> rows = RecordRows.MakeUp(count, Features, Classes, seed).Rows;
        return new RowsInMemory(
            new LabeledRows(
                new DenseFeatureMatrix(count, Features, [.. rows.SelectMany(row => row.Features.DenseValues())]),
                [.. rows.Select(row => (int)row.Label)],
                weighted ? [.. rows.Select(row => row.Weight)] : null,
                Classes
            )
        );
    }
}
