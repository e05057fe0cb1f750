using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>
/// Every set-up of the paper, on small problems; some with adaptive bins, some with more presentations than the paper has.
/// </summary>
internal static class Setups
{
    public const string Full = "full";
    public const string Context = "context";
    public const string Lateral = "lateral";
    public const string Feedback = "feedback";
    public const string BivariateFeedback = "bivariate feedback";
    public const string ThreePresentations = "full, 3 presentations";
    public const string FeedbackOfThree = "feedback, 3 presentations";
    public const string BivariateFeedbackOfFive = "bivariate feedback, 5 presentations";
    public const string Random = "random";
    public const string Readout = "readout";

    // The output layer, above one hidden layer.
    private static readonly Signal s_feedback = Signal.Layer(1);

    public static IEnumerable<object[]> All { get; } =
    [
        [Full],
        [Context],
        [Lateral],
        [Feedback],
        [BivariateFeedback],
        [ThreePresentations],
        [FeedbackOfThree],
        [BivariateFeedbackOfFive],
        [Random],
        [Readout],
    ];

    public static TrainingSettings Settings(string setup, int hidden = 12, int epochs = 15)
    {
        TrainingSettings settings = Problems.Settings(hidden, epochs);
        LayerSettings layer = settings.HiddenLayers[0];
        LayerSettings bivariate = layer with
        {
            LateralConnections = null,
            Goal = GoalFunctions.ContextOptimized2,
            Activation = new BivariateActivation(),
            Binning = new Binning(20, 1, Adaptive: true),
        };

        // What is heard counts for more than the paper has it: means would hardly differ from the second on.
        LayerSettings modulatedMore = layer with
        {
            Activation = new ModulatedActivation(1, 1, 2, 2),
        };
        return setup switch
        {
            Full => settings,
            Context => With(bivariate),
            Lateral => With(
                bivariate with
                {
                    LateralConnections = layer.LateralConnections,
                    Context = null,
                    Goal = GoalFunctions.LateralOptimized2,
                    Binning = new Binning(),
                }
            ),
            Feedback => With(layer with { Context = s_feedback }),
            BivariateFeedback => With(bivariate with { Context = s_feedback }),
            ThreePresentations => With(modulatedMore) with { Presentations = 3 },
            FeedbackOfThree => With(modulatedMore with { Context = s_feedback }) with { Presentations = 3 },
            BivariateFeedbackOfFive => With(
                bivariate with
                {
                    Context = s_feedback,
                    Activation = new BivariateActivation(-0.5, 3),
                }
            ) with
            {
                Presentations = 5,
            },
            Random => With(LayerSettings.RandomProjection(hidden)),
            Readout => settings with { HiddenLayers = [] },
            _ => throw new ArgumentOutOfRangeException(nameof(setup), setup, "There is no such set-up."),
        };

        TrainingSettings With(LayerSettings changed) => settings with { HiddenLayers = [changed] };
    }
}
