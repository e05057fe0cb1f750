using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Networks in training with one hidden layer.</summary>
internal static class LegacyState
{
    extension(NetworkState state)
    {
        public LayerState? Hidden => state.Layers.Count == 1 ? null : state.Layers[0];
    }

    extension(LayerState layer)
    {
        public bool IsRecurrent =>
            layer.Sources.Any(source => source.Kind is SourceKind.Lateral or SourceKind.Feedback);

        public int IndexOf(SourceKind kind) => Array.FindIndex(layer.Sources, source => source.Kind == kind);

        public SourceState? Find(SourceKind kind) => Array.Find(layer.Sources, source => source.Kind == kind);
    }

    extension(SourceState source)
    {
        public SourceKind Kind => Legacy.KindOf(source.Symbol, source.Projections[0].Signal);

        public Parameter Weights => source.Projections[0].Weights;

        public int InputCount => source.Projections[0].Connectivity.InputCount;

        public int[]? Connections => (source.Projections[0].Connectivity as DrawnConnected)?.Connections;

        public int ConnectionCount => source.Projections[0].Connectivity.ConnectionsPerNeuron;

        public ReadOnlySpan<int> PeersOf(int neuron) => ((DrawnConnected)source.Projections[0].Connectivity).Of(neuron);
    }
}
