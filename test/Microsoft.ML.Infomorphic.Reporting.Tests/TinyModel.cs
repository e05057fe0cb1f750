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
        InfomorphicNetwork? network = null
    )
    {
        network ??= Network();
        return new InfomorphicModelParameters(
            mlContext,
            new ModelContents(
                network,
                new TrainingHistory(
                    [.. Enumerable.Range(1, epochs).Select(epoch => Epoch(epoch, network))],
                    epochs,
                    100,
                    2,
                    1.5
                ),
                new TrainingSettings
                {
                    HiddenLayers = [.. network.HiddenLayers.Select(EarlyModelFormat.SettingsOf)],
                    Output = new OutputLayerSettings { Goal = GoalFunctions.Output },
                    BatchSize = 64,
                },
                new ScoringSettings()
            )
        );
    }

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

    /// <summary>What was found out about a network with several hidden layers, invented.</summary>
    public static NetworkInsight Insight(InfomorphicNetwork network)
    {
        var random = new Random(4);
        LayerInsight[] layers = [.. network.Layers.Select(Layer)];
        return new NetworkInsight(layers[..^1], layers[^1], ClassNames, 150, new InsightSettings());

        LayerInsight Layer(InfomorphicLayer layer, int place) =>
            new(
                place < network.HiddenLayers.Count ? $"hidden {place + 1}" : "output",
                layer,
                [.. Enumerable.Range(0, layer.NeuronCount).Select(neuron => Neuron(layer, neuron))]
            );

        NeuronInsight Neuron(InfomorphicLayer layer, int neuron)
        {
            double[] atoms = [.. RedundancyLattice.ForSources(layer.Sources.Count).Antichains.Select(_ => Draw())];
            return new NeuronInsight(
                neuron,
                new NeuronInformation(atoms, Draw(), Draw(), atoms.Sum(), layer.Goal?.ValueOf([.. atoms, 0])),
                [.. ClassNames.Select(_ => Draw())],
                [new TypicalRow(neuron, 0, 0.9)],
                [new TypicalRow(neuron + 1, 1, 0.1)]
            );
        }

        double Draw() => 0.1 * random.NextDouble();
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

    private static InfomorphicNetwork Network()
    {
        var random = new Random(5);
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
