using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>One layer in the history of a training.</summary>
internal static class LayerHistory
{
    /// <summary>What a layer came to in each epoch.</summary>
    /// <param name="history">The history.</param>
    /// <param name="layer">The layer's place in the network, from 0; the output layer's is above the hidden ones'.</param>
    /// <exception cref="ArgumentException">There is no epoch, or no such layer.</exception>
    public static IReadOnlyList<(EpochRecord Epoch, LayerProgress Layer)> Of(TrainingHistory history, int layer)
    {
        ArgumentNullException.ThrowIfNull(history);
        if (history.Epochs.Count == 0)
            throw new ArgumentException("There is no epoch to draw.", nameof(history));
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layer, history.Epochs[0].HiddenLayers.Count);
        return [.. history.Epochs.Select(epoch => (epoch, epoch.Layers.ElementAt(layer)))];
    }
}
