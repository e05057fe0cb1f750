using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests;

/// <summary>Sources that hear one signal.</summary>
internal static class TestSources
{
    public static Source New(
        char symbol,
        Signal signal,
        int neurons,
        int inputs,
        float[] weights,
        float[] biases,
        int[]? connections = null
    ) =>
        new(
            symbol,
            [
                new Projection(
                    signal,
                    connections is null
                        ? new AllConnected(neurons, inputs)
                        : new DrawnConnected(neurons, inputs, connections),
                    weights
                ),
            ],
            biases
        );

    extension(Source source)
    {
        /// <summary>What it hears.</summary>
        public Signal Signal => source.Projections.Single().Signal;

        public float[] Weights => source.Projections.Single().Weights;

        public int InputCount => source.Projections.Single().Connectivity.InputCount;

        public int ConnectionsPerNeuron =>
            source.IsOwnLabel ? 1 : source.Projections.Single().Connectivity.ConnectionsPerNeuron;

        /// <summary>For each neuron, the inputs that it is connected to, where they are drawn; else null.</summary>
        public int[]? Connections => (source.Projections.Single().Connectivity as DrawnConnected)?.Connections;
    }
}
