using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>The networks that are measured.</summary>
internal static class Setup
{
    /// <summary>Networks of up to so many neurons are connected all to all, …</summary>
    public const int LargestAllToAll = 500;

    /// <summary>… neurons of larger ones to so many others.</summary>
    public const int SparseConnections = 100;

    /// <summary>The largest number of lateral connections of a neuron.</summary>
    public static int LateralConnections(int hidden) => hidden <= LargestAllToAll ? hidden : SparseConnections;

    /// <summary>The paper's settings, with the goal of its main results.</summary>
    public static TrainingSettings Settings(int hidden, int lateral, int batchSize = 1024, int? threads = null) =>
        new()
        {
            HiddenLayers =
            [
                new LayerSettings
                {
                    Neurons = hidden,
                    LateralConnections = lateral,
                    Goal = GoalFunctions.OptimizedTpe1,
                },
            ],
            Output = new OutputLayerSettings { Goal = GoalFunctions.Output },
            BatchSize = batchSize,
            Seed = 1,
            Threads = threads,
        };

    /// <summary>The lateral connections that the library draws; null for all-to-all.</summary>
    public static int[]? DrawConnections(int hidden, int lateral, BenchmarkData data)
    {
        using NetworkState state = NetworkState.Create(Settings(hidden, lateral), data.Scaling, BenchmarkData.Classes);
        return Connections(state);
    }

    /// <summary>What a source of the hidden neurons hears.</summary>
    public static ProjectionState Projection(NetworkState state, char symbol) =>
        state.Layers[0].Sources.Single(source => source.Symbol == symbol).Projections[0];

    /// <summary>The lateral connections of a network; null for all-to-all.</summary>
    public static int[]? Connections(NetworkState state) =>
        (Projection(state, 'L').Connectivity as DrawnConnected)?.Connections;
}
