using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Gives a trained network more classes than it was trained on, where a training goes on with new ones.</summary>
/// <remarks>
/// A new class is as one that had no training row: its score is <see cref="NetworkState.AbsentClassScore"/>, so that the scores of
/// all others are what they were. Hidden neurons hear its label, and an output that is fed back, with the weight 0: where the label
/// is the new one, a neuron is as it is where the label is withheld, and what it has learned stays. The output neuron begins to
/// learn as <see cref="NetworkState.From"/> says.
/// </remarks>
internal static class NetworkGrowth
{
    /// <summary>The network with further classes behind its own.</summary>
    /// <param name="network">The network.</param>
    /// <param name="classes">Number of all classes, no less than the network has.</param>
    public static InfomorphicNetwork WithClasses(this InfomorphicNetwork network, int classes)
    {
        int added = classes - network.ClassCount;
        ArgumentOutOfRangeException.ThrowIfNegative(added, nameof(classes));
        if (added == 0)
            return network;
        int last = network.Layers.Count - 1;
        InfomorphicLayer[] layers =
        [
            .. network.Layers.Select(
                (layer, index) =>
                    new InfomorphicLayer(
                        [.. layer.Sources.Select(source => Grow(source, index == last ? added : 0))],
                        layer.Goal,
                        layer.Activation,
                        layer.Binning,
                        layer.Pooling
                    )
            ),
        ];
        return new InfomorphicNetwork(
            layers[..last],
            layers[last],
            network.FeatureScaling,
            new ScoreCalibration(
                [.. network.Calibration.Slopes, .. Enumerable.Repeat(1f, added)],
                [.. network.Calibration.Offsets, .. new float[added]]
            ),
            network.Presentations
        );

        Source Grow(Source source, int addedNeurons) =>
            source.IsOwnLabel
                ? Source.OfOwnLabel(source.Symbol, classes)
                : new Source(
                    source.Symbol,
                    [.. source.Projections.Select(projection => GrowProjection(projection, addedNeurons))],
                    [.. source.Biases, .. Enumerable.Repeat(NetworkState.AbsentClassScore, addedNeurons)]
                );

        Projection GrowProjection(Projection projection, int addedNeurons)
        {
            Connectivity before = projection.Connectivity;
            bool hearsClasses = projection.Signal.IsLabel || projection.Signal == Signal.Layer(last);
            if (addedNeurons == 0 && !hearsClasses)
                return projection;
            if (before is not AllConnected)
                throw new InvalidOperationException(
                    $"What hears the classes, or is one, is connected to all of {projection.Signal}, and not by {before.GetType().Name}."
                );
            int inputs = before.InputCount + (hearsClasses ? added : 0);
            var after = new AllConnected(before.NeuronCount + addedNeurons, inputs);
            float[] weights = new float[after.NeuronCount * inputs];
            for (int neuron = 0; neuron < before.NeuronCount; neuron++)
                projection.WeightsOf(neuron).CopyTo(weights.AsSpan(neuron * inputs));
            return new Projection(projection.Signal, after, weights);
        }
    }
}
