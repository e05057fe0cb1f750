using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
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
        InfomorphicNetwork? network = null,
        FeatureEncoding? encoding = null,
        IReadOnlyList<string>? warnings = null
    ) => Create(mlContext, [Trained(network ?? Network(), epochs).With(0, warnings ?? [])], encoding);

    /// <summary>A model of two networks, the second of which was trained for fewer epochs.</summary>
    public static InfomorphicModelParameters CreateEnsemble(MLContext mlContext) =>
        Create(mlContext, [Trained(Network(), epochs: 12), Trained(Network(seed: 6), epochs: 7)]);

    private static InfomorphicModelParameters Create(
        MLContext mlContext,
        TrainingResult[] trained,
        FeatureEncoding? encoding = null
    ) =>
        new(
            mlContext,
            new ModelContents(
                trained,
                new TrainingSettings
                {
                    HiddenLayers = [.. trained[0].Network.HiddenLayers.Select(EarlyModelFormat.SettingsOf)],
                    Output = new OutputLayerSettings { Goal = GoalFunctions.Output },
                    BatchSize = 64,
                    Networks = trained.Length,
                },
                new ScoringSettings(),
                encoding
            )
        );

    private static TrainingResult Trained(InfomorphicNetwork network, int epochs) =>
        new(
            network,
            new TrainingHistory(
                [.. Enumerable.Range(1, epochs).Select(epoch => Epoch(epoch, network))],
                epochs,
                100,
                2,
                1.5
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

    private static EpochRecord Epoch(int epoch, InfomorphicNetwork network) =>
        new(
            epoch,
            1 - 0.5 / epoch,
            1 - 0.6 / epoch,
            1.0 / epoch,
            [.. network.HiddenLayers.Select((layer, place) => Progress(epoch, layer, place))],
            new LayerProgress(0.2, [0.1, 0.2, 0.3, 0.05, 0.1]),
            epoch
        );

    private static LayerProgress Progress(int epoch, InfomorphicLayer layer, int place) =>
        layer.Goal is null
            ? LayerProgress.None
            : new LayerProgress(
                0.1 * Math.Sqrt(epoch + place),
                [
                    .. Enumerable
                        .Range(0, layer.Goal.Gamma.Count)
                        .Select(atom => 0.01 * atom * Math.Sin(epoch + atom + place)),
                ],
                0.4 / (epoch * epoch + place)
            );

    private static InfomorphicNetwork Network(int seed = 5)
    {
        var random = new Random(seed);
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [
                        Drawn('F', random, Hidden, (Signal.Features, Features)),
                        Drawn('C', random, Hidden, (Signal.Label, Classes)),
                        Lateral(random, 0),
                    ],
                    GoalFunctions.OptimizedTpe1,
                    new ModulatedActivation(),
                    new Binning()
                ),
            ],
            Output(random, (Signal.Layer(0), Hidden)),
            Scaling
        );
    }

    /// <summary>No hidden layer, or a fixed random one.</summary>
    public static InfomorphicNetwork WithoutGoals(bool hasHidden)
    {
        var random = new Random(6);
        return hasHidden
            ? new InfomorphicNetwork(
                [
                    new InfomorphicLayer(
                        [Drawn('F', random, Hidden, (Signal.Features, Features))],
                        null,
                        new StepActivation(),
                        new Binning()
                    ),
                ],
                Output(random, (Signal.Layer(0), Hidden)),
                Scaling
            )
            : new InfomorphicNetwork([], Output(random, (Signal.Features, Features)), Scaling);
    }

    /// <summary>
    /// Three hidden layers: one with the layer above for its context, one that skips back to the features and hears the output
    /// layer, and a fixed random one. The output layer reads the last two.
    /// </summary>
    public static InfomorphicNetwork Deep()
    {
        var random = new Random(7);
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [
                        Drawn('F', random, Hidden, (Signal.Features, Features)),
                        Drawn('C', random, Hidden, (Signal.Layer(1), 4)),
                        Lateral(random, 0),
                    ],
                    GoalFunctions.OptimizedTpe1,
                    new ModulatedActivation(),
                    new Binning()
                ),
                new InfomorphicLayer(
                    [
                        Drawn('F', random, 4, (Signal.Layer(0), Hidden), (Signal.Features, Features)),
                        Drawn('C', random, 4, (Signal.Layer(3), Classes)),
                    ],
                    GoalFunctions.ContextOptimized2,
                    new BivariateActivation(),
                    new Binning()
                ),
                new InfomorphicLayer(
                    [Drawn('F', random, 5, (Signal.Layer(1), 4))],
                    null,
                    new StepActivation(),
                    new Binning()
                ),
            ],
            Output(random, (Signal.Layer(1), 4), (Signal.Layer(2), 5)),
            Scaling
        );
    }

    /// <summary>Two neurons that share their weights over fields of 3 × 5 points, after what a fixed layer makes of the features.</summary>
    public static InfomorphicNetwork WithSharedFields()
    {
        var random = new Random(8);
        var fields = new SharedFields(new FieldGrid(new ImageShape(8, 8), 3, 5, 1, 3), 2);
        Source shared = new(
            'F',
            [
                To(2, Signal.Layer(0), 5, Draw(random, 10)),
                new Projection(Signal.Features, fields, Draw(random, 2 * fields.ConnectionsPerNeuron)),
            ],
            Draw(random, 2)
        );
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [Drawn('F', random, 5, (Signal.Features, Features))],
                    null,
                    new StepActivation(),
                    new Binning()
                ),
                new InfomorphicLayer(
                    [shared, Drawn('C', random, 2, (Signal.Label, Classes))],
                    GoalFunctions.ContextOptimized2,
                    new BivariateActivation(),
                    new Binning()
                ),
            ],
            Output(random, (Signal.Layer(1), 2 * fields.PositionCount)),
            Scaling
        );
    }

    private static FeatureScaling Scaling =>
        new(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)]);

    private static InfomorphicLayer Output(Random random, params (Signal Signal, int Size)[] inputs) =>
        new(
            [
                Drawn('F', random, Classes, inputs),
                new Source('C', [new Projection(Signal.OwnLabel, new AllConnected(Classes, Classes), [])], []),
            ],
            GoalFunctions.Output,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );

    // No neuron hears itself.
    private static Source Lateral(Random random, int layer)
    {
        float[] weights = Draw(random, Hidden * Hidden);
        for (int neuron = 0; neuron < Hidden; neuron++)
            weights[neuron * (Hidden + 1)] = 0;
        return new Source('L', [To(Hidden, Signal.Layer(layer), Hidden, weights)], Draw(random, Hidden));
    }

    private static Source Drawn(char symbol, Random random, int neurons, params (Signal Signal, int Size)[] inputs) =>
        new(
            symbol,
            [.. inputs.Select(input => To(neurons, input.Signal, input.Size, Draw(random, neurons * input.Size)))],
            Draw(random, neurons)
        );

    private static Projection To(int neurons, Signal signal, int size, float[] weights) =>
        new(signal, new AllConnected(neurons, size), weights);

    private static float[] Draw(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
}
