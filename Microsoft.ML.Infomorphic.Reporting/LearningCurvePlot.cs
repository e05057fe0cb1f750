using Microsoft.ML.Infomorphic.Training;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Accuracy over the epochs.</summary>
public static class LearningCurvePlot
{
    /// <summary>Draws the accuracy on training rows and, where there are any, on validation rows.</summary>
    /// <param name="history">The history of a training, of at least one epoch.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">There is no epoch.</exception>
    public static Picture Draw(TrainingHistory history, string title)
    {
        ArgumentNullException.ThrowIfNull(history);
        if (history.Epochs.Count == 0)
            throw new ArgumentException("There is no epoch to draw.", nameof(history));
        Plot plot = PlotStyle.NewPlot(title, "epoch", "accuracy, %");
        double[] epochs = [.. history.Epochs.Select(epoch => (double)epoch.Epoch)];
        double[] training = [.. history.Epochs.Select(epoch => 100 * epoch.TrainingAccuracy)];
        double[] validation = [.. history.Epochs.Select(epoch => 100 * (epoch.ValidationAccuracy ?? double.NaN))];

        var curves = new List<PlotStyle.Curve> { new("training", training, PlotStyle.Palette[0], 2.5f) };
        if (validation.Any(double.IsFinite))
            curves.Add(new("validation", validation, PlotStyle.Palette[1], 2.5f));

        // The first epochs are far below the rest, which is where the eye should look.
        double[] values = [.. training.Concat(validation).Where(double.IsFinite).Order()];
        double bottom = Math.Floor(values[values.Length / 20]) - 1;
        double top = Math.Min(100, Math.Ceiling(values[^1] + 0.5));
        PlotStyle.AddCurves(plot, epochs, curves, (bottom, top));
        return PlotStyle.ToPicture(plot, 1200, 700);
    }
}
