using System.Globalization;
using Microsoft.ML.Infomorphic.Training;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>The hidden neurons' mean goal against the accuracy, epoch by epoch.</summary>
public static class GoalAccuracyPlot
{
    /// <summary>Draws the path of a training.</summary>
    /// <param name="history">The history of a training, of at least one epoch.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">There is no epoch.</exception>
    public static Picture Draw(TrainingHistory history, string title)
    {
        ArgumentNullException.ThrowIfNull(history);
        if (history.Epochs.Count == 0)
            throw new ArgumentException("There is no epoch to draw.", nameof(history));
        bool validated = history.Epochs[0].ValidationAccuracy is not null;
        double[] goals = [.. history.Epochs.Select(epoch => epoch.HiddenGoal)];
        double[] accuracies =
        [
            .. history.Epochs.Select(epoch => 100 * (epoch.ValidationAccuracy ?? epoch.TrainingAccuracy)),
        ];
        Plot plot = PlotStyle.NewPlot(
            title,
            "mean goal of the hidden neurons, bits",
            validated ? "validation accuracy, %" : "training accuracy, %"
        );
        Scatter path = plot.Add.ScatterLine(goals, accuracies, PlotStyle.Muted);
        path.LineWidth = 1;
        plot.Add.ScatterPoints(goals, accuracies, PlotStyle.Palette[0]);
        Name(0, "epoch ");
        if (goals.Length > 1)
            Name(goals.Length - 1, "epoch ");
        double width = Math.Max(goals.Max() - goals.Min(), 1e-3);
        double height = Math.Max(accuracies.Max() - accuracies.Min(), 0.1);
        plot.Axes.SetLimits(
            goals.Min() - 0.08 * width,
            goals.Max() + 0.18 * width,
            accuracies.Min() - 0.1 * height,
            accuracies.Max() + 0.12 * height
        );
        return PlotStyle.ToPicture(plot, 1000, 640);

        void Name(int index, string prefix)
        {
            string epoch = history.Epochs[index].Epoch.ToString(CultureInfo.InvariantCulture);
            Text label = plot.Add.Text(prefix + epoch, goals[index], accuracies[index]);
            label.LabelFontColor = PlotStyle.Ink;
            label.LabelFontName = PlotStyle.BoldFontName;
            label.LabelFontSize = 15;
            label.LabelAlignment = Alignment.LowerLeft;
            label.OffsetX = 6;
            label.OffsetY = -4;
        }
    }
}
