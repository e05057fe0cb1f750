using System.Globalization;
using Microsoft.ML.Infomorphic.Training;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// How far the receptive fields turned in each epoch: the median self-cosine distance of a hidden layer's neurons, on a
/// logarithmic scale (arXiv 2412.02482, eq. 3 and figure 4).
/// </summary>
public static class SelfCosineDistancePlot
{
    // What does not turn at all has no place on the scale; single precision tells no smaller distance.
    private const double Least = 1e-9;

    /// <summary>Draws the distances.</summary>
    /// <param name="history">The history of a training of hidden neurons that learn, of at least one epoch.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="layer">
    /// The layer's place in the network, from 0; the output layer's is above the hidden ones'. 0 is the first hidden layer or,
    /// where there is none, the output layer, of which no distances are measured.
    /// </param>
    /// <exception cref="ArgumentException">
    /// There is no epoch, there is no such layer, or its distances were not measured.
    /// </exception>
    public static Picture Draw(TrainingHistory history, string title, int layer = 0)
    {
        (EpochRecord Epoch, LayerProgress Layer)[] measured =
        [
            .. LayerHistory.Of(history, layer).Where(epoch => double.IsFinite(epoch.Layer.SelfCosineDistance)),
        ];
        if (measured.Length == 0)
            throw new ArgumentException("There is no self-cosine distance to draw.", nameof(history));
        double[] epochs = [.. measured.Select(epoch => (double)epoch.Epoch.Epoch)];
        double[] powers = [.. measured.Select(epoch => Math.Log10(Math.Max(epoch.Layer.SelfCosineDistance, Least)))];

        Plot plot = PlotStyle.NewPlot(title, "epoch", "median self-cosine distance");
        double bottom = Math.Floor(powers.Min());
        double top = Math.Max(Math.Ceiling(powers.Max()), bottom + 1);
        PlotStyle.AddCurves(
            plot,
            epochs,
            [new PlotStyle.Curve(null, powers, PlotStyle.Palette[0], 2.5f)],
            (bottom - 0.05, top + 0.05)
        );
        double[] ticks = [.. Enumerable.Range((int)bottom, (int)(top - bottom) + 1).Select(power => (double)power)];
        plot.Axes.Left.SetTicks(
            ticks,
            [.. ticks.Select(power => Math.Pow(10, power).ToString("0.#########", CultureInfo.InvariantCulture))]
        );
        return PlotStyle.ToPicture(plot, 1200, 560);
    }
}
