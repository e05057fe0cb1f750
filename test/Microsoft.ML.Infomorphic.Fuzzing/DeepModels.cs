using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Small models with random weights, of every connectivity, every signal and every way in which layers hear each other.</summary>
internal static class DeepModels
{
    public const int Features = 36;
    public const int Classes = 3;

    private static readonly ImageShape s_image = new(6, 6);

    private static readonly Dictionary<string, Func<ModelContents>> s_all = new()
    {
        ["local fields"] = () =>
            Of(
                Settings(
                    s_image,
                    Layer(3) with
                    {
                        Connections = new LocalFieldSettings(3, 3, 1, 1),
                    },
                    Layer(4, lateral: 2) with
                    {
                        Connections = new LocalFieldSettings(2, 2, 2, 2),
                    },
                    Layer(5, Signal.Layer(3))
                )
            ),
        ["shared fields"] = () =>
            Of(
                Settings(
                    s_image,
                    Layer(4) with
                    {
                        Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true, new Pooling(3, 3)),
                    },
                    Layer(3, lateral: 1) with
                    {
                        Connections = new LocalFieldSettings(2, 2, 1, 1, SharesWeights: true),
                    },
                    Layer(5)
                )
            ),
        ["shared fields with skips and feedback"] = () =>
            Of(
                Settings(
                    new ImageShape(3, 4, 3, Interleaved: true),
                    Layer(4, Signal.Layer(1)) with
                    {
                        Connections = new LocalFieldSettings(2, 2, 1, 2, SharesWeights: true),
                    },
                    Layer(3, Signal.Layer(0)) with
                    {
                        Inputs = [Signal.Layer(0), Signal.Features],
                        Connections = new LocalFieldSettings(1, 2, 1, 1, SharesWeights: true, new Pooling(2, 1)),
                    },
                    Layer(2) with
                    {
                        Inputs = [Signal.Layer(1), Signal.Layer(0)],
                        Connections = new LocalFieldSettings(2, 1, 1, 1),
                    }
                ) with
                {
                    Presentations = 3,
                }
            ),
        ["three networks"] = () =>
            Together(
                3,
                Settings(
                    image: null,
                    Layer(3) with
                    {
                        Connections = new RandomSubsetSettings(4, 9),
                    },
                    Layer(5, lateral: 2)
                )
            ),
        ["random subsets"] = () =>
            Of(
                Settings(
                    image: null,
                    Layer(3) with
                    {
                        Connections = new RandomSubsetSettings(4, 9),
                    },
                    Layer(2) with
                    {
                        Inputs = [Signal.Layer(0), Signal.Features],
                        Connections = new RandomSubsetSettings(5, 4),
                    },
                    Context(4)
                )
            ),
        ["skips"] = () =>
            Of(
                Settings(
                    image: null,
                    Layer(6),
                    Layer(5) with
                    {
                        Inputs = [Signal.Layer(0), Signal.Features],
                    },
                    Lateral(4, 3) with
                    {
                        Inputs = [Signal.Layer(1), Signal.Features, Signal.Layer(0)],
                    }
                ),
                [Signal.Layer(0), Signal.Layer(1), Signal.Layer(2), Signal.Features]
            ),
        ["feedback"] = () =>
            Of(
                Settings(
                    image: null,
                    Layer(6, Signal.Layer(1)),
                    Layer(5, Signal.Layer(2)),
                    Layer(4, Signal.Layer(3))
                ) with
                {
                    Presentations = 4,
                }
            ),
        ["feedback alone"] = () =>
            Of(
                Settings(image: null, Context(6, Signal.Layer(1)), Context(5) with { Inputs = [Signal.Features] }),
                [Signal.Layer(0), Signal.Layer(1)]
            ),
        ["drawn"] = () =>
            Of(Settings(image: null, Layer(8, lateral: 3), Layer(7, lateral: 2)) with { Presentations = 3 }),
        ["steps"] = () =>
            Of(
                Settings(
                    s_image,
                    LayerSettings.RandomProjection(3) with
                    {
                        Connections = new LocalFieldSettings(3, 3, 3, 3),
                    },
                    Layer(5),
                    LayerSettings.RandomProjection(8) with
                    {
                        Inputs = [Signal.Layer(1), Signal.Features],
                    }
                )
            ),
        ["steps at positions"] = () =>
            Of(
                Settings(
                    s_image,
                    LayerSettings.RandomProjection(4) with
                    {
                        Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true, new Pooling(2, 2)),
                    },
                    LayerSettings.RandomProjection(9)
                )
            ),
        ["one layer"] = () => Of(Settings(image: null, Layer(6))),
        ["no hidden layer"] = () => Of(Settings(image: null)),
        ["driven from above"] = DrivenFromAbove,
        ["drawn from all"] = DrawnFromAll,
    };

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => s_all.Keys;

    /// <summary>The model of a name: the same each time.</summary>
    public static ModelContents Of(string name) => s_all[name]();

    /// <summary>A model that encodes rows of 30 features, of which some may be missing.</summary>
    public static ModelContents Encoded()
    {
        var knots = new float[30][];
        Array.Fill(knots, []);
        knots[0] = [-1, 0, 0.5f];
        knots[7] = [0, 1, 3];
        return Of("one layer") with
        {
            Encoding = new FeatureEncoding(knots, Numbers(new Random(1), knots.Length, 1), [3, 29]),
        };
    }

    /// <summary>A model with more weights than the rest.</summary>
    public static ModelContents Wide(int presentations) =>
        Of(Settings(image: null, Layer(100, Signal.Layer(2)), Layer(100)) with { Presentations = presentations });

    /// <summary>The model's network in another way of scoring.</summary>
    public static ModelContents With(this ModelContents contents, ScoringMode mode, bool calibrate = true) =>
        contents with
        {
            Scoring = contents.Scoring with { Mode = mode, Calibrate = calibrate },
        };

    /// <summary>Rows of features.</summary>
    public static float[][] Rows(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Numbers(random, Features, 1.5))];
    }

    // As many networks, whose connections are drawn by seeds of their own.
    private static ModelContents Together(int networks, TrainingSettings settings)
    {
        ModelContents[] each =
        [
            .. Enumerable.Range(0, networks).Select(i => Of(settings with { Networks = networks, Network = i })),
        ];
        return new ModelContents([.. each.SelectMany(contents => contents.Trained)], each[0].Settings, each[0].Scoring);
    }

    // The layers that settings ask for, with random weights.
    private static ModelContents Of(TrainingSettings settings, IReadOnlyList<Signal>? read = null)
    {
        settings = settings with { Output = settings.Output with { Inputs = read } };
        settings.Validate();
        var random = new Random(settings.HiddenLayers.Count + settings.Network);
        var layers = new List<InfomorphicLayer>();
        var connected = new NetworkBuilder(settings, Features, Classes).Connect();
        for (int i = 0; i < connected.Count - 1; i++)
        {
            LayerSettings layer = settings.HiddenLayers[i];
            layers.Add(
                new InfomorphicLayer(
                    [.. connected[i].Select(source => NewSource(random, source.Symbol, i, source.Heard))],
                    layer.Goal,
                    layer.Learns ? layer.Activation : new StepActivation(),
                    layer.Binning,
                    (layer.Connections as LocalFieldSettings)?.Pooling
                )
            );
        }

        return Of(layers, Output(NewSource(random, 'F', connected.Count - 1, connected[^1][0].Heard)), settings);
    }

    private static ModelContents Of(
        IReadOnlyList<InfomorphicLayer> hidden,
        InfomorphicLayer output,
        TrainingSettings settings
    )
    {
        var random = new Random(hidden.Count);
        bool isRecurrent = hidden
            .Select((layer, i) => layer.Sources.Any(source => source.Projections.Any(of => of.Signal.IsLateFor(i))))
            .Any(late => late);
        var scaling = new FeatureScaling(
            Standardization.Global,
            new float[Features],
            [.. Enumerable.Repeat(1f, Features)]
        );
        var calibration = new ScoreCalibration([1.5f, 0.75f, 1], [0.25f, -0.5f, 0]);
        LayerProgress[] progress = [.. hidden.Select(_ => new LayerProgress(0.5, Doubles(3), 0.25))];
        EpochRecord[] epochs =
        [
            new(1, 0.5, 0.4, 1.25, progress, new LayerProgress(0.75, Doubles(5)), 0.5),
            new(2, 0.6, null, null, [.. hidden.Select(_ => LayerProgress.None)], LayerProgress.None, 1.5),
        ];
        return new ModelContents(
            new InfomorphicNetwork(hidden, output, scaling, calibration, isRecurrent ? settings.Presentations : null),
            new TrainingHistory(epochs, 2, 94, 1.5, 1.25),
            settings,
            new ScoringSettings()
        );

        double[] Doubles(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextDouble())];
    }

    // In the first presentation nothing drives the lowest layer.
    private static ModelContents DrivenFromAbove()
    {
        var random = new Random(1);
        InfomorphicLayer[] hidden =
        [
            new(
                [
                    NewSource(random, 'F', 0, [(Signal.Layer(1), new AllConnected(4, 6))]),
                    NewSource(random, 'C', 0, [(Signal.Layer(3), new AllConnected(4, Classes))]),
                ],
                GoalFunctions.ContextOptimized2,
                new BivariateActivation(-0.5, 3),
                new Binning()
            ),
            new(
                [
                    NewSource(
                        random,
                        'F',
                        1,
                        [
                            (Signal.Features, new AllConnected(6, Features)),
                            (Signal.Layer(0), new AllConnected(6, 4)),
                            (Signal.Layer(1), new WithinGroups(2, 3)),
                        ]
                    ),
                    NewSource(random, 'C', 1, [(Signal.Label, new AllConnected(6, Classes))]),
                ],
                GoalFunctions.ContextOptimized2,
                new BivariateActivation(-0.5, 3),
                new Binning()
            ),
            new(
                [NewSource(random, 'F', 2, [(Signal.Layer(2), new AllConnected(7, 7))])],
                null,
                new StepActivation(),
                new Binning()
            ),
        ];
        InfomorphicLayer output = Output(
            NewSource(
                random,
                'F',
                3,
                [
                    (Signal.Layer(0), new AllConnected(Classes, 4)),
                    (Signal.Layer(1), new AllConnected(Classes, 6)),
                    (Signal.Layer(2), new AllConnected(Classes, 7)),
                    (Signal.Layer(3), new AllConnected(Classes, Classes)),
                ]
            )
        );
        TrainingSettings settings = Settings(null, Context(4), Context(6), LayerSettings.RandomProjection(7));
        return Of(hidden, output, settings with { Presentations = 3 });
    }

    // Connections that no settings ask for: drawn ones to features and layers, some of them twice, and where there are positions.
    private static ModelContents DrawnFromAll()
    {
        var random = new Random(1);
        var grid = new FieldGrid(s_image, 4, 4, 1, 1);
        InfomorphicLayer[] hidden =
        [
            new(
                [
                    NewSource(random, 'F', 0, [(Signal.Features, Drawn(random, 6, Features, 5))]),
                    NewSource(
                        random,
                        'C',
                        0,
                        [(Signal.Layer(1), Drawn(random, 6, 8, 4)), (Signal.Label, new AllConnected(6, Classes))]
                    ),
                    NewSource(random, 'L', 0, [(Signal.Layer(0), Drawn(random, 6, 6, 3))]),
                ],
                GoalFunctions.OptimizedTpe1,
                new ModulatedActivation(0.4, 0.4, 3, 4),
                new Binning()
            ),
            new(
                [
                    NewSource(
                        random,
                        'F',
                        1,
                        [
                            (Signal.Features, new SharedFields(grid, 2)),
                            (Signal.Layer(0), new SubsetConnected(2, 1, 6, [5, 0, 1, 3])),
                        ]
                    ),
                    NewSource(
                        random,
                        'C',
                        1,
                        [
                            (Signal.Layer(2), Drawn(random, 2, Classes, 2)),
                            (Signal.Features, new SharedFields(grid, 2)),
                            (Signal.Layer(1), new AllConnected(2, 2)),
                        ]
                    ),
                    NewSource(random, 'L', 1, [(Signal.Layer(1), new WithinGroups(1, 2))]),
                ],
                GoalFunctions.OptimizedTpe1,
                new ModulatedActivation(0.4, 0.4, 3, 4),
                new Binning(),
                new Pooling(2, 2)
            ),
        ];
        InfomorphicLayer output = Output(
            NewSource(
                random,
                'F',
                2,
                [
                    (Signal.Layer(1), Drawn(random, Classes, 8, 5)),
                    (Signal.Layer(0), new SubsetConnected(3, 1, 6, [0, 1, 2, 3, 4, 5])),
                ]
            )
        );
        return Of(hidden, output, Settings(null, Layer(6), Layer(2)) with { Presentations = 4 });
    }

    private static DrawnConnected Drawn(Random random, int neurons, int inputs, int connections) =>
        new(neurons, inputs, [.. Enumerable.Range(0, neurons * connections).Select(_ => random.Next(inputs))]);

    private static InfomorphicLayer Output(Source source) =>
        new(
            [source, Source.OfOwnLabel('C', Classes)],
            GoalFunctions.Output,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );

    private static Source NewSource(
        Random random,
        char symbol,
        int layer,
        (Signal Signal, Connectivity Connectivity)[] heard
    )
    {
        int neurons = heard[0].Connectivity.NeuronCount;
        int inputs = heard.Sum(of => of.Connectivity.ConnectionsPerNeuron);
        Projection[] projections = [.. heard.Select(of => NewProjection(of.Signal, of.Connectivity))];
        return new Source(symbol, projections, Numbers(random, neurons, 0.5));

        // Weights with which no output is near its bounds, nor near its mean.
        Projection NewProjection(Signal signal, Connectivity connectivity)
        {
            int count = connectivity.ConnectionsPerNeuron;
            float[] weights = Numbers(random, neurons * count, 4 / Math.Sqrt(inputs));
            if (signal == Signal.Layer(layer))
                for (int i = 0; i < weights.Length; i++)
                    if (connectivity.InputsOf(i / count)[i % count] == i / count)
                        weights[i] = 0;
            return new Projection(signal, connectivity, weights);
        }
    }

    private static float[] Numbers(Random random, int count, double bound) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble() - 1) * bound))];

    private static TrainingSettings Settings(ImageShape? image, params LayerSettings[] layers) =>
        new()
        {
            HiddenLayers = layers,
            Output = new OutputLayerSettings { Goal = GoalFunctions.Output },
            Image = image,
            Standardization = Standardization.Global,
            Seed = 1,
        };

    // What is heard counts for more than the paper has it: means would hardly differ from the second presentation on.
    private static LayerSettings Layer(int neurons, Signal? context = null, int lateral = int.MaxValue) =>
        new()
        {
            Neurons = neurons,
            Context = context ?? Signal.Label,
            LateralConnections = lateral,
            Goal = GoalFunctions.OptimizedTpe1,
            Activation = new ModulatedActivation(0.4, 0.4, 3, 4),
        };

    private static LayerSettings Context(int neurons, Signal? context = null) =>
        Layer(neurons, context) with
        {
            LateralConnections = null,
            Goal = GoalFunctions.ContextOptimized2,
            Activation = new BivariateActivation(-0.5, 3),
        };

    private static LayerSettings Lateral(int neurons, int lateral) =>
        Layer(neurons, null, lateral) with
        {
            Context = null,
            Goal = GoalFunctions.LateralOptimized2,
            Activation = new BivariateActivation(-0.5, 3),
        };
}
