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

    public const string ThreeOfFields =
        "local fields of local fields, lateral connections drawn in the latter, feedback";
    public const string UnevenCells =
        "shared fields pooled to cells of different sizes, fields of these, a skip, feedback";
    public const string ThreeOfSubsets = "random subsets, skips, a readout of everything";
    public const string FedBackPastIt = "feedback of a layer that does not hear the one that it feeds back to";
    public const string MeansFedBack = "means passed on by layers the same in all presentations, fed back";
    public const string MeansOfFields = "means passed on from shared fields to local fields of them";
    public const string RandomFields = "fixed layers of fields below and between";
    public const string OtherContexts = "contexts from the layer itself and from below, at several positions";
    public const string Feedforward = "nothing of an earlier presentation";
    public const string Softmax = "softmax regression on everything";
    public const string SoftmaxWithFeedback = "softmax regression that is fed back";

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
        [ThreeOfFields],
        [UnevenCells],
        [ThreeOfSubsets],
        [FedBackPastIt],
        [MeansFedBack],
        [MeansOfFields],
        [RandomFields],
        [OtherContexts],
        [Feedforward],
        [Softmax],
        [SoftmaxWithFeedback],
    ];

    public static TrainingSettings Settings(string setup, int epochs = 5)
    {
        LayerSettings five = Layer(5);
        LayerSettings strong = five with { Activation = new ModulatedActivation(1, 1, 2, 2) };
        LayerSettings fields = Layer(3) with { Connections = new LocalFieldSettings(4, 4, 2, 2) };
        LayerSettings shared = Layer(4) with { Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true) };
        LayerSettings bivariate = five with
        {
            LateralConnections = null,
            Goal = GoalFunctions.ContextOptimized2,
            Activation = new BivariateActivation(0.2, 1.5),
        };
        var uneven = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true, new Pooling(3, 3));
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
            ThreeOfFields => With(
                Layer(2) with
                {
                    Connections = new LocalFieldSettings(3, 3, 1, 1),
                },
                Layer(3) with
                {
                    Connections = new LocalFieldSettings(2, 2, 2, 2),
                    LateralConnections = 1,
                },
                strong with
                {
                    Context = Signal.Layer(3),
                    LateralConnections = 2,
                }
            ),
            UnevenCells => With(
                Layer(3) with
                {
                    Connections = uneven,
                },
                Layer(4) with
                {
                    Inputs = [Signal.Layer(0), Signal.Features],
                    Connections = new LocalFieldSettings(2, 2, 1, 1, SharesWeights: true),
                    Context = Signal.Layer(2),
                    LateralConnections = 2,
                    Activation = strong.Activation,
                },
                five
            ),
            ThreeOfSubsets => With(
                Layer(3) with
                {
                    Connections = new RandomSubsetSettings(4, 7),
                },
                Layer(3) with
                {
                    Inputs = [Signal.Layer(0), Signal.Features],
                    Connections = new RandomSubsetSettings(3, 6),
                    LateralConnections = 1,
                },
                Layer(4) with
                {
                    Inputs = [Signal.Layer(1), Signal.Layer(0)],
                    Context = Signal.Layer(3),
                }
            ) with
            {
                Output = settings.Output with
                {
                    Inputs = [Signal.Features, Signal.Layer(0), Signal.Layer(1), Signal.Layer(2)],
                },
            },
            FedBackPastIt => With(
                bivariate with
                {
                    Context = Signal.Layer(1),
                },
                bivariate with
                {
                    Inputs = [Signal.Features],
                    Binning = new Binning(20, 1, Adaptive: true),
                }
            ) with
            {
                Output = settings.Output with { Inputs = [Signal.Layer(0)] },
                Presentations = 3,
            },
            MeansFedBack => With(
                bivariate with
                {
                    Context = Signal.Layer(1),
                    PassesOn = PassedOutputs.Mean,
                },
                bivariate with
                {
                    PassesOn = PassedOutputs.Mean,
                }
            ),
            MeansOfFields => With(
                Layer(3) with
                {
                    Connections = uneven,
                    PassesOn = PassedOutputs.Mean,
                },
                Layer(2) with
                {
                    Connections = new LocalFieldSettings(2, 2, 1, 1),
                }
            ),
            RandomFields => With(
                LayerSettings.RandomProjection(2) with
                {
                    Connections = uneven,
                },
                five,
                LayerSettings.RandomProjection(3) with
                {
                    Inputs = [Signal.Features, Signal.Layer(1)],
                    Connections = new LocalFieldSettings(4, 4, 2, 2),
                }
            ) with
            {
                Output = settings.Output with { Inputs = [Signal.Layer(1), Signal.Layer(2)] },
            },
            OtherContexts => With(
                Layer(3) with
                {
                    Connections = uneven,
                    Context = Signal.Layer(0),
                },
                bivariate with
                {
                    Neurons = 4,
                    Inputs = [Signal.Features],
                    Connections = new LocalFieldSettings(3, 3, 3, 3, SharesWeights: true),
                    Context = Signal.Layer(0),
                }
            ),
            Feedforward => With(bivariate, bivariate with { PassesOn = PassedOutputs.Mean }, bivariate),
            Softmax => With(five, five) with
            {
                Output = settings.Output with
                {
                    Goal = null,
                    Inputs = [Signal.Features, Signal.Layer(0), Signal.Layer(1)],
                },
            },
            SoftmaxWithFeedback => With(strong with { Context = Signal.Layer(1) }) with
            {
                Output = settings.Output with { Goal = null },
            },
            _ => throw new ArgumentOutOfRangeException(nameof(setup), setup, "There is no such set-up."),
        };

        TrainingSettings With(params LayerSettings[] layers) => settings with { HiddenLayers = layers };

        LayerSettings Layer(int neurons) => Problems.Settings(neurons).HiddenLayers[0];
    }
}
