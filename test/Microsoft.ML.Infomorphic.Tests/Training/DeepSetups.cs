using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Networks of several hidden layers, one for each way in which layers hear and are connected, on images of 6 × 6.</summary>
internal static class DeepSetups
{
    public const int Features = 36;
    public const string Stacked = "three layers";
    public const string Fields = "local fields, a readout of all layers";
    public const string DrawnFields = "local fields with drawn lateral connections";
    public const string SharedFields = "shared fields";
    public const string PooledFields = "shared fields, pooled, then fields on them";
    public const string Subsets = "random subsets";
    public const string Skips = "connections that skip layers";
    public const string Feedback = "feedback from above and from the output layer";
    public const string FeedbackOfThree = "feedback, three presentations";
    public const string Means = "means passed on";
    public const string MeansWithFeedback = "means passed on, with feedback";
    public const string RandomBelow = "a random projection below";
    public const string BivariateLayers = "bivariate layers, the lowest the same in all presentations";

    public static IEnumerable<object[]> All { get; } =
    [
        [Stacked],
        [Fields],
        [DrawnFields],
        [SharedFields],
        [PooledFields],
        [Subsets],
        [Skips],
        [Feedback],
        [FeedbackOfThree],
        [Means],
        [MeansWithFeedback],
        [RandomBelow],
        [BivariateLayers],
    ];

    public static TrainingSettings Settings(string setup, int epochs = 5)
    {
        LayerSettings five = Layer(5);
        LayerSettings strong = five with { Activation = new ModulatedActivation(1, 1, 2, 2) };
        LayerSettings fields = Layer(3) with { Connections = new LocalFieldSettings(4, 4, 2, 2) };
        LayerSettings shared = Layer(4) with { Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true) };
        LayerSettings means = five with { PassesOn = PassedOutputs.Mean };
        TrainingSettings settings = Problems.Settings(epochs: epochs) with { Image = new ImageShape(6, 6) };
        return setup switch
        {
            Stacked => With(five, Layer(6), Layer(4)),
            Fields => With(fields, five) with
            {
                Output = settings.Output with { Inputs = [Signal.Layer(0), Signal.Layer(1)] },
            },
            DrawnFields => With(fields with { LateralConnections = 1 }, five),
            SharedFields => With(shared, five),
            PooledFields => With(
                shared with
                {
                    Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true, new Pooling(2, 2)),
                },
                Layer(2) with
                {
                    Connections = new LocalFieldSettings(2, 1, 1, 1),
                    Inputs = [Signal.Layer(0), Signal.Features],
                }
            ),
            Subsets => With(Layer(3) with { Connections = new RandomSubsetSettings(4, 7) }, five),
            Skips => With(
                five,
                Layer(4) with
                {
                    Inputs = [Signal.Layer(0), Signal.Features],
                },
                Layer(3) with
                {
                    Inputs = [Signal.Features, Signal.Layer(1), Signal.Layer(0)],
                }
            ) with
            {
                Output = settings.Output with { Inputs = [Signal.Layer(2), Signal.Features] },
            },
            Feedback => With(strong with { Context = Signal.Layer(1) }, strong with { Context = Signal.Layer(2) }),
            FeedbackOfThree => With(
                strong with
                {
                    Context = Signal.Layer(2),
                },
                strong with
                {
                    Context = Signal.Layer(2),
                }
            ) with
            {
                Presentations = 3,
            },
            Means => With(means, means, five),
            MeansWithFeedback => With(
                means with
                {
                    Context = Signal.Layer(1),
                    Activation = new ModulatedActivation(1, 1, 2, 2),
                },
                five
            ) with
            {
                Presentations = 3,
            },
            RandomBelow => With(LayerSettings.RandomProjection(9), five),
            BivariateLayers => With(
                five with
                {
                    LateralConnections = null,
                    Goal = GoalFunctions.ContextOptimized2,
                    Activation = new BivariateActivation(),
                },
                five with
                {
                    Context = null,
                    Goal = GoalFunctions.LateralOptimized2,
                    Activation = new BivariateActivation(),
                }
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(setup), setup, "There is no such set-up."),
        };

        TrainingSettings With(params LayerSettings[] layers) => settings with { HiddenLayers = layers };

        LayerSettings Layer(int neurons) => Problems.Settings(neurons).HiddenLayers[0];
    }
}
