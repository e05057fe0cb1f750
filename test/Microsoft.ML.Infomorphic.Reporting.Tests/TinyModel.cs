using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

/// <summary>A network by hand, with an invented history, and rows that look like images of 8 × 8 points.</summary>
internal static class TinyModel
{
    public const int Features = 64;
    public const int Hidden = 6;
    public const int Classes = 3;

    public static readonly string[] ClassNames = ["plain", "<b>bold</b>", "</script>"];

    public sealed class Row
    {
        [VectorType(TinyModel.Features)]
        public float[] Features { get; set; } = [];

        public string Label { get; set; } = "";
    }

    public static InfomorphicModelParameters Create(
        MLContext mlContext,
        int epochs = 12,
        InfomorphicNetwork? network = null
    ) =>
        new(
            mlContext,
            new ModelContents(
                network ?? Network(),
                new TrainingHistory([.. Enumerable.Range(1, epochs).Select(Epoch)], epochs, 100, 2, 1.5),
                new TrainingSettings
                {
                    Goal = GoalFunctions.OptimizedTpe1,
                    OutputGoal = GoalFunctions.Output,
                    BatchSize = 64,
                    HiddenNeurons = Hidden,
                },
                new ScoringSettings()
            )
        );

    public static IDataView Data(MLContext mlContext, int rows = 150)
    {
        var random = new Random(3);
        IDataView view = mlContext.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, rows)
                .Select(i => new Row
                {
                    Label = ClassNames[i % Classes],
                    Features =
                    [
                        .. Enumerable
                            .Range(0, Features)
                            .Select(point => random.NextSingle() + (point % Classes == i % Classes ? 0.5f : 0)),
                    ],
                })
                .ToArray()
        );
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
    }

    private static EpochRecord Epoch(int epoch) =>
        new(
            epoch,
            1 - 0.5 / epoch,
            1 - 0.6 / epoch,
            1.0 / epoch,
            0.1 * Math.Sqrt(epoch),
            [.. Enumerable.Range(0, 19).Select(atom => 0.01 * atom * Math.Sin(epoch + atom))],
            0.2,
            [0.1, 0.2, 0.3, 0.05, 0.1],
            epoch,
            0.4 / (epoch * epoch)
        );

    private static InfomorphicNetwork Network()
    {
        var random = new Random(5);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
        float[] lateral = Draw(Hidden * Hidden);
        for (int neuron = 0; neuron < Hidden; neuron++)
            lateral[neuron * (Hidden + 1)] = 0;
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [
                        new InputSource(
                            'F',
                            SourceKind.Features,
                            Hidden,
                            Features,
                            Draw(Hidden * Features),
                            Draw(Hidden)
                        ),
                        new InputSource('C', SourceKind.Label, Hidden, Classes, Draw(Hidden * Classes), Draw(Hidden)),
                        new InputSource('L', SourceKind.Lateral, Hidden, Hidden, lateral, Draw(Hidden)),
                    ],
                    GoalFunctions.OptimizedTpe1,
                    new ModulatedActivation(),
                    new Binning()
                ),
            ],
            new InfomorphicLayer(
                [
                    new InputSource(
                        'F',
                        SourceKind.HiddenLayer,
                        Classes,
                        Hidden,
                        Draw(Classes * Hidden),
                        Draw(Classes)
                    ),
                    new InputSource('C', SourceKind.OwnLabel, Classes, Classes, [], []),
                ],
                GoalFunctions.Output,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)])
        );
    }

    /// <summary>No hidden layer, or a fixed random one.</summary>
    public static InfomorphicNetwork WithoutGoals(bool hasHidden)
    {
        var random = new Random(6);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
        int inputs = hasHidden ? Hidden : Features;
        var fixedLayer = new InfomorphicLayer(
            [new InputSource('F', SourceKind.Features, Hidden, Features, Draw(Hidden * Features), Draw(Hidden))],
            null,
            new StepActivation(),
            new Binning()
        );
        var output = new InfomorphicLayer(
            [
                new InputSource(
                    'F',
                    hasHidden ? SourceKind.HiddenLayer : SourceKind.Features,
                    Classes,
                    inputs,
                    Draw(Classes * inputs),
                    Draw(Classes)
                ),
                new InputSource('C', SourceKind.OwnLabel, Classes, Classes, [], []),
            ],
            GoalFunctions.Output,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );
        return new InfomorphicNetwork(
            hasHidden ? [fixedLayer] : [],
            output,
            new FeatureScaling(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)])
        );
    }
}
