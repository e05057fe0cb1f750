using System.Globalization;
using Microsoft.ML.Infomorphic.Training;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>The mean goal of a layer's neurons against the accuracy, epoch by epoch.</summary>
public static class GoalAccuracyPlot
{
    /// <summary>Draws the path of a training, over the epochs in which the layer learned.</summary>
    /// <param name="history">The history of a training, of at least one epoch.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="layer">
    /// The layer's place in the network, from 0; the output layer's is above the hidden ones'. 0 is the first hidden layer or,
    /// where there is none, the output layer.
    /// </param>
    /// <exception cref="ArgumentException">There is no epoch, there is no such layer, or it did not learn.</exception>
    public static Picture Draw(TrainingHistory history, string title, int layer = 0)
    {
        (EpochRecord Epoch, LayerProgress Layer)[] learned =
        [
            .. LayerHistory.Of(history, layer).Where(epoch => double.IsFinite(epoch.Layer.Goal)),
        ];
        if (learned.Length == 0)
            throw new ArgumentException("The layer did not learn, and has no goal to draw.", nameof(layer));
        bool validated = learned[0].Epoch.ValidationAccuracy is not null;
        double[] goals = [.. learned.Select(epoch => epoch.Layer.Goal)];
        double[] accuracies =
        [
            .. learned.Select(epoch => 100 * (epoch.Epoch.ValidationAccuracy ?? epoch.Epoch.TrainingAccuracy)),
        ];
        Plot plot = PlotStyle.NewPlot(
            title,
            $"mean goal of the {LayerNames.Neurons(layer, learned[0].Epoch.HiddenLayers.Count)}, bits",
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
            string epoch = learned[index].Epoch.Epoch.ToString(CultureInfo.InvariantCulture);
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
