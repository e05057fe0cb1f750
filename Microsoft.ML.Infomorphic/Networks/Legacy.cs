namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>What feeds a source of a network with one hidden layer.</summary>
internal enum SourceKind
{
    Features = 0,
    Label = 1,
    Lateral = 2,
    HiddenLayer = 3,
    OwnLabel = 4,
    Feedback = 5,
}

/// <summary>Networks with one hidden layer.</summary>
internal static class Legacy
{
    extension(Source source)
    {
        public SourceKind Kind => KindOf(source.Symbol, source.Projections[0].Signal);

        public int InputCount => source.Projections[0].Connectivity.InputCount;

        public float[] Weights => source.Projections[0].Weights;

        public int[]? Connections => (source.Projections[0].Connectivity as DrawnConnected)?.Connections;

        public int ConnectionsPerNeuron =>
            source.IsOwnLabel ? 1 : source.Projections[0].Connectivity.ConnectionsPerNeuron;
    }

    public static SourceKind KindOf(char symbol, Signal signal) =>
        signal.Kind switch
        {
            SignalKind.Features => SourceKind.Features,
            SignalKind.Label => SourceKind.Label,
            SignalKind.OwnLabel => SourceKind.OwnLabel,
            _ => signal.Index == 1 ? SourceKind.Feedback
            : symbol == 'L' ? SourceKind.Lateral
            : SourceKind.HiddenLayer,
        };

    public static Source NewSource(
        char symbol,
        SourceKind kind,
        int neurons,
        int inputs,
        float[] weights,
        float[] biases,
        int[]? connections = null
    )
    {
        Signal signal = kind switch
        {
            SourceKind.Features => Signal.Features,
            SourceKind.Label => Signal.Label,
            SourceKind.OwnLabel => Signal.OwnLabel,
            SourceKind.Feedback => Signal.Layer(1),
            _ => Signal.Layer(0),
        };
        Connectivity connectivity = connections is null
            ? new AllConnected(neurons, inputs)
            : new DrawnConnected(neurons, inputs, connections);
        return new Source(symbol, [new Projection(signal, connectivity, weights)], biases);
    }
}
