using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
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
        var layer = new LayerSettings
        {
            Neurons = 30,
            Goal = GoalFunctions.OptimizedTpe1,
            Optimizer = new AdamSettings(0.02, 0.00035),
        };
        TrainingSettings full = new()
        {
            HiddenLayers = [layer],
            Output = new OutputLayerSettings
            {
                Goal = GoalFunctions.Output,
                Optimizer = new AdamSettings(0.03, 0.00015),
            },
            Epochs = 3,
            BatchSize = 128,
            Seed = 1,
        };
        return
        [
            Case("tensor-setup1", [full]),
            Case("tensor-drawn-lateral-weighted", [With(layer with { LateralConnections = 5 })], weighted: true),
            Case(
                "tensor-three-presentations-feedback-drawn-lateral",
                [
                    With(
                        layer with
                        {
                            Context = Signal.Layer(1),
                            LateralConnections = 5,
                            Activation = new ModulatedActivation(1, 1, 2, 2),
                        }
                    ) with
                    {
                        Presentations = 3,
                    },
                ]
            ),
            Case(
                "tensor-context-only-adaptive-binning",
                [
                    With(
                        layer with
                        {
                            LateralConnections = null,
                            Goal = GoalFunctions.ContextOptimized2,
                            Activation = new BivariateActivation(),
                            Binning = new Binning(20, 1, Adaptive: true),
                        }
                    ),
                ]
            ),
            Case(
                "tensor-lateral-only",
                [
                    With(
                        layer with
                        {
                            Context = null,
                            Goal = GoalFunctions.LateralOptimized2,
                            Activation = new BivariateActivation(),
                        }
                    ),
                ]
            ),
            Case("tensor-random-projection", [With(LayerSettings.RandomProjection(30))]),
            Case("tensor-no-hidden-layer", [With()]),
            Case("tensor-best-epoch", [full with { RestoreBestEpoch = true, Epochs = 6 }], validated: true),
            Case("tensor-many", [full, With(layer with { Goal = GoalFunctions.Heuristic }) with { Epochs = 2 }]),
        ];

        TrainingSettings With(params LayerSettings[] layers) => full with { HiddenLayers = layers };
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
                            (states, settings, maximum) =>
                                new TensorTrainingEngine(states, settings, maximum.Rows, torch.CPU)
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
