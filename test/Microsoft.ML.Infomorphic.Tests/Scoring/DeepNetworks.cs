using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

/// <summary>Networks of several layers with weights drawn at random: of images of 6 × 6 pixels, with three classes.</summary>
internal static class DeepNetworks
{
    public const int FeatureCount = 36;
    public const int ClassCount = 3;

    private static readonly ImageShape s_image = new(6, 6);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<(string Name, InfomorphicNetwork Network)> All { get; } =
    [
        ("local fields, a readout of all layers", LocalFieldsAndReadout()),
        ("local fields that leave a rest", FieldsWithRest()),
        ("shared fields with pooling", SharedAndPooled()),
        ("shared fields of shared fields", SharedOnShared()),
        ("random subsets and skips", SubsetsAndSkips()),
        ("feedback from above", FeedbackFromAbove()),
        ("feedback from a layer that hears nothing below", FeedbackFromBeside()),
        ("drawn lateral", DrawnLateral()),
        ("step layers", Steps()),
        ("steps over shared fields", StepsOverFields()),
        ("bivariate, five presentations", Bivariate()),
        ("an output layer that hears itself", OutputHearsItself()),
    ];

    // Three layers; the context of the lower ones is the label and the layer above.
    private static InfomorphicNetwork LocalFieldsAndReadout()
    {
        var draw = new Drawing(1);
        return Network(
            3,
            Layer(
                12,
                draw.Source('F', draw.From(Signal.Features, new LocalFields(new FieldGrid(s_image, 3, 3, 3, 3), 3))),
                draw.Source('C', draw.All(Signal.Label, 12, 3), draw.All(Signal.Layer(1), 12, 9)),
                draw.Source('L', draw.From(Signal.Layer(0), new WithinGroups(4, 3)))
            ),
            Layer(
                9,
                draw.Source('F', draw.All(Signal.Layer(0), 9, 12), draw.All(Signal.Features, 9, FeatureCount)),
                draw.Source('C', draw.All(Signal.Label, 9, 3), draw.All(Signal.Layer(2), 9, 7)),
                draw.Source('L', draw.All(Signal.Layer(1), 9, 9))
            ),
            Layer(
                7,
                draw.Source('F', draw.All(Signal.Layer(1), 7, 9)),
                draw.Source('C', draw.All(Signal.Layer(3), 7, 3)),
                draw.Source('L', draw.All(Signal.Layer(2), 7, 7))
            ),
            Output(
                draw.Source(
                    'F',
                    draw.All(Signal.Layer(2), 3, 7),
                    draw.All(Signal.Layer(1), 3, 9),
                    draw.All(Signal.Layer(0), 3, 12)
                )
            )
        );
    }

    // Strides leave a rest of the image without a field.
    private static InfomorphicNetwork FieldsWithRest()
    {
        var draw = new Drawing(2);
        return Network(
            2,
            Layer(
                20,
                draw.Source('F', draw.From(Signal.Features, new LocalFields(new FieldGrid(s_image, 2, 3, 3, 2), 5))),
                draw.Source('C', draw.All(Signal.Label, 20, 3)),
                draw.Source('L', draw.From(Signal.Layer(0), new WithinGroups(4, 5)))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(0), 3, 20)))
        );
    }

    private static InfomorphicNetwork SharedAndPooled()
    {
        var draw = new Drawing(3);
        var fields = new SharedFields(new FieldGrid(s_image, 2, 3, 1, 1), 5);
        return Network(
            3,
            Layer(
                new Pooling(2, 3),
                draw.Source('F', draw.From(Signal.Features, fields)),
                draw.Source('C', draw.All(Signal.Label, 5, 3), draw.All(Signal.Layer(1), 5, 10)),
                draw.Source('L', draw.All(Signal.Layer(0), 5, 5))
            ),
            Layer(
                10,
                draw.Source(
                    'F',
                    draw.From(
                        Signal.Layer(0),
                        new LocalFields(new FieldGrid(new ImageShape(2, 3, 5, Interleaved: true), 2, 2, 1, 1), 5)
                    )
                ),
                draw.Source('C', draw.All(Signal.Layer(2), 10, 3)),
                draw.Source('L', draw.All(Signal.Layer(1), 10, 10))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 10), draw.All(Signal.Layer(0), 3, 30)))
        );
    }

    private static InfomorphicNetwork SharedOnShared()
    {
        var draw = new Drawing(4);
        var lower = new SharedFields(new FieldGrid(s_image, 3, 3, 1, 1), 9);
        var upper = new SharedFields(new FieldGrid(new ImageShape(4, 4, 9, Interleaved: true), 2, 2, 2, 2), 4);
        return Network(
            2,
            Layer(
                null,
                draw.Source('F', draw.From(Signal.Features, lower), draw.All(Signal.Features, 9, FeatureCount)),
                draw.Source('C', draw.All(Signal.Label, 9, 3)),
                draw.Source('L', draw.From(Signal.Layer(0), draw.Connections(9, 9, 4)))
            ),
            Layer(
                new Pooling(1, 2),
                draw.Source('F', draw.From(Signal.Layer(0), upper)),
                draw.Source('C', draw.All(Signal.Label, 4, 3)),
                draw.Source('L', draw.All(Signal.Layer(1), 4, 4))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 8)))
        );
    }

    private static InfomorphicNetwork SubsetsAndSkips()
    {
        var draw = new Drawing(5);
        return Network(
            2,
            Layer(
                15,
                draw.Source('F', draw.From(Signal.Features, draw.Subsets(5, 3, FeatureCount, 11))),
                draw.Source('C', draw.All(Signal.Label, 15, 3)),
                draw.Source('L', draw.From(Signal.Layer(0), draw.Subsets(3, 5, 15, 6)))
            ),
            Layer(
                8,
                draw.Source(
                    'F',
                    draw.From(Signal.Layer(0), draw.Subsets(2, 4, 15, 7)),
                    draw.From(Signal.Features, draw.Connections(8, FeatureCount, 5))
                ),
                draw.Source('C', draw.All(Signal.Label, 8, 3)),
                draw.Source('L', draw.All(Signal.Layer(1), 8, 8))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 8), draw.All(Signal.Features, 3, FeatureCount)))
        );
    }

    // Lateral input comes from above, the drive in part from the layer itself.
    private static InfomorphicNetwork FeedbackFromAbove()
    {
        var draw = new Drawing(6);
        return Network(
            4,
            Layer(
                13,
                draw.Source('F', draw.All(Signal.Features, 13, FeatureCount), draw.All(Signal.Layer(0), 13, 13)),
                draw.Source('C', draw.All(Signal.Layer(2), 13, 3)),
                draw.Source('L', draw.All(Signal.Layer(1), 13, 6))
            ),
            Layer(
                6,
                draw.Source('F', draw.All(Signal.Layer(0), 6, 13)),
                draw.Source('C', draw.All(Signal.Label, 6, 3)),
                draw.Source('L', draw.All(Signal.Layer(2), 6, 3))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 6)))
        );
    }

    // The upper layer is the same in all presentations, and the lower one is heard in the last alone.
    private static InfomorphicNetwork FeedbackFromBeside()
    {
        var draw = new Drawing(7);
        return Network(
            2,
            Layer(
                6,
                draw.Source('F', draw.All(Signal.Features, 6, FeatureCount)),
                draw.Source('C', draw.All(Signal.Layer(1), 6, 5)),
                draw.Source('L', draw.All(Signal.Label, 6, 3))
            ),
            Layer(
                new BivariateActivation(),
                null,
                draw.Source('F', draw.All(Signal.Features, 5, FeatureCount)),
                draw.Source('C', draw.All(Signal.Label, 5, 3))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(0), 3, 6), draw.All(Signal.Layer(1), 3, 5)))
        );
    }

    private static InfomorphicNetwork DrawnLateral()
    {
        var draw = new Drawing(8);
        return Network(
            2,
            Layer(
                19,
                draw.Source('F', draw.All(Signal.Features, 19, FeatureCount)),
                draw.Source('C', draw.All(Signal.Label, 19, 3)),
                draw.Source('L', draw.From(Signal.Layer(0), draw.Connections(19, 19, 6)))
            ),
            Layer(
                17,
                draw.Source('F', draw.All(Signal.Layer(0), 17, 19)),
                draw.Source('C', draw.All(Signal.Label, 17, 3)),
                draw.Source(
                    'L',
                    draw.From(Signal.Layer(1), draw.Connections(17, 17, 3)),
                    draw.From(Signal.Layer(2), draw.Connections(17, 3, 2))
                )
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 17)))
        );
    }

    // Of the features, of a layer, and of both.
    private static InfomorphicNetwork Steps()
    {
        var draw = new Drawing(9);
        return Network(
            2,
            Layer(new StepActivation(), null, draw.Source('F', draw.All(Signal.Features, 21, FeatureCount))),
            Layer(
                8,
                draw.Source('F', draw.All(Signal.Layer(0), 8, 21)),
                draw.Source('C', draw.All(Signal.Label, 8, 3)),
                draw.Source('L', draw.All(Signal.Layer(1), 8, 8))
            ),
            Layer(
                new StepActivation(),
                null,
                draw.Source('F', draw.All(Signal.Layer(1), 10, 8), draw.All(Signal.Features, 10, FeatureCount))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(2), 3, 10), draw.All(Signal.Layer(0), 3, 21)))
        );
    }

    private static InfomorphicNetwork StepsOverFields()
    {
        var draw = new Drawing(10);
        var fields = new SharedFields(new FieldGrid(s_image, 3, 3, 1, 1), 6);
        return Network(
            1,
            Layer(
                new StepActivation(),
                new Pooling(2, 2),
                draw.Source(
                    'F',
                    draw.From(Signal.Features, fields),
                    draw.From(Signal.Features, draw.Subsets(3, 2, FeatureCount, 4))
                )
            ),
            Layer(
                new BivariateActivation(),
                null,
                draw.Source('F', draw.All(Signal.Layer(0), 7, 24)),
                draw.Source('C', draw.All(Signal.Label, 7, 3))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 7)))
        );
    }

    private static InfomorphicNetwork Bivariate()
    {
        var draw = new Drawing(11);
        return Network(
            5,
            Layer(
                new BivariateActivation(0.3, 2),
                null,
                draw.Source('F', draw.All(Signal.Features, 11, FeatureCount)),
                draw.Source('L', draw.All(Signal.Layer(0), 11, 11), draw.All(Signal.Layer(1), 11, 6))
            ),
            Layer(
                new BivariateActivation(0.5, 1),
                null,
                draw.Source('F', draw.All(Signal.Layer(0), 6, 11)),
                draw.Source('C', draw.All(Signal.Layer(2), 6, 3), draw.All(Signal.Label, 6, 3))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(1), 3, 6)))
        );
    }

    private static InfomorphicNetwork OutputHearsItself()
    {
        var draw = new Drawing(12);
        return Network(
            3,
            Layer(
                new BivariateActivation(),
                null,
                draw.Source('F', draw.All(Signal.Features, 7, FeatureCount)),
                draw.Source('C', draw.All(Signal.Label, 7, 3))
            ),
            Output(draw.Source('F', draw.All(Signal.Layer(0), 3, 7), draw.All(Signal.Layer(1), 3, 3)))
        );
    }

    private static InfomorphicNetwork Network(int presentations, params InfomorphicLayer[] layers) =>
        new(
            layers[..^1],
            layers[^1],
            new FeatureScaling(Standardization.None, new float[FeatureCount], [.. Enumerable.Repeat(1f, FeatureCount)]),
            new ScoreCalibration([1.5f, 0.5f, 1], [0.25f, 0, -0.25f]),
            presentations
        );

    // What is heard counts for more than in the paper, lest nobody notice that something else is heard.
    private static InfomorphicLayer Layer(Pooling? pooling, params Source[] sources) =>
        Layer(new ModulatedActivation(0.6, 0.6, 2, 2), pooling, sources);

    private static InfomorphicLayer Layer(int neurons, params Source[] sources)
    {
        Assert.AreEqual(neurons, sources[0].NeuronCount);
        return Layer((Pooling?)null, sources);
    }

    private static InfomorphicLayer Layer(Activation activation, Pooling? pooling, params Source[] sources) =>
        new(sources, null, activation, new Binning(20, 1, Adaptive: true), pooling);

    private static InfomorphicLayer Output(Source source) =>
        new([source, Source.OfOwnLabel('C', ClassCount)], null, new FeedforwardActivation(), Binning.PaperOutputLayer);

    /// <summary>Weights, biases and connections drawn at random.</summary>
    private sealed class Drawing(int seed)
    {
        private readonly Random _random = new(seed);

        public Source Source(char symbol, params Projection[] projections) =>
            new(symbol, projections, Draw(projections[0].Connectivity.NeuronCount, 0.5f));

        public Projection All(Signal signal, int neurons, int inputs) =>
            From(signal, new AllConnected(neurons, inputs));

        public Projection From(Signal signal, Connectivity connectivity) =>
            new(
                signal,
                connectivity,
                Draw(
                    connectivity.NeuronCount * connectivity.ConnectionsPerNeuron,
                    2 / MathF.Sqrt(connectivity.ConnectionsPerNeuron)
                )
            );

        public DrawnConnected Connections(int neurons, int inputs, int connections) =>
            new(neurons, inputs, Choose(neurons, inputs, connections));

        public SubsetConnected Subsets(int groups, int neuronsPerGroup, int inputs, int connections) =>
            new(groups, neuronsPerGroup, inputs, Choose(groups, inputs, connections));

        private int[] Choose(int times, int inputs, int count) =>
            [
                .. Enumerable
                    .Range(0, times)
                    .SelectMany(_ =>
                    {
                        int[] all = [.. Enumerable.Range(0, inputs)];
                        _random.Shuffle(all);
                        return all[..count].Order();
                    }),
            ];

        private float[] Draw(int count, float scale) =>
            [.. Enumerable.Range(0, count).Select(_ => scale * (2 * _random.NextSingle() - 1))];
    }
}
