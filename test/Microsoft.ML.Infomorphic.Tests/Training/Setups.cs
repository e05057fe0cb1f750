using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
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
        TrainingSettings bivariate = settings with
        {
            LateralInput = false,
            Goal = GoalFunctions.ContextOptimized2,
            Activation = new BivariateActivation(),
            Binning = new Binning(20, 1, Adaptive: true),
        };
        return setup switch
        {
            Full => settings,
            Context => bivariate,
            Lateral => bivariate with
            {
                LateralInput = true,
                Context = ContextSignal.None,
                Goal = GoalFunctions.LateralOptimized2,
                Binning = new Binning(),
            },
            Feedback => settings with { Context = ContextSignal.Feedback },
            BivariateFeedback => bivariate with { Context = ContextSignal.Feedback },
            // What is heard counts for more than the paper has it: means would hardly differ from the second on.
            ThreePresentations => settings with { Presentations = 3, Activation = new ModulatedActivation(1, 1, 2, 2) },
            FeedbackOfThree => settings with
            {
                Context = ContextSignal.Feedback,
                Presentations = 3,
                Activation = new ModulatedActivation(1, 1, 2, 2),
            },
            BivariateFeedbackOfFive => bivariate with
            {
                Context = ContextSignal.Feedback,
                Presentations = 5,
                Activation = new BivariateActivation(-0.5, 3),
            },
            Random => settings with
            {
                HiddenLayer = HiddenLayerKind.Random,
                Goal = null,
                Context = ContextSignal.None,
                LateralInput = false,
            },
            Readout => settings with
            {
                HiddenLayer = HiddenLayerKind.None,
                HiddenNeurons = 0,
                Goal = null,
                Context = ContextSignal.None,
                LateralInput = false,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(setup), setup, "There is no such set-up."),
        };
    }
}
