using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>The matrices of a network for batches of one size.</summary>
internal sealed class BatchBuffers : IDisposable
{
    private readonly Dictionary<(int First, int Count), SignalView> _ofRows = [];

    public BatchBuffers(NetworkState network, BatchRows batch)
    {
        Batch = batch;
        Layers = new LayerBuffers[network.Layers.Count];
        foreach (LayerState layer in network.Layers)
            Layers[layer.Index] = new LayerBuffers(
                layer,
                batch,
                isHeard: network.IsHeard(layer.Index),
                isHeardEarlier: network.IsHeardEarlier(layer.Index)
            );
        foreach (ProjectionState projection in network.Projections)
            if (projection.Signal.Kind == SignalKind.Features)
                _ofRows.TryAdd(
                    (projection.FirstInput, projection.Connectivity.InputCount),
                    batch.Sparse is SparseRows sparse
                        ? SignalView.OfSparse(sparse)
                        : SignalView.OfRows(batch, projection.FirstInput, projection.Connectivity.InputCount)
                );
    }

    /// <summary>The batch.</summary>
    public BatchRows Batch { get; }

    /// <summary>The matrices of each layer.</summary>
    public LayerBuffers[] Layers { get; }

    /// <summary>What a projection hears.</summary>
    /// <param name="layer">The layer that hears.</param>
    /// <param name="projection">The projection.</param>
    /// <param name="earlier">Whether it hears what was passed on before the last visit.</param>
    public SignalView Heard(LayerState layer, ProjectionState projection, bool earlier)
    {
        Signal signal = projection.Signal;
        if (signal.Kind == SignalKind.Features)
            return _ofRows[(projection.FirstInput, projection.Connectivity.InputCount)];
        LayerBuffers heard = Layers[signal.Index];
        return (
            !earlier ? heard.Final
            : signal.Index == layer.Index ? heard.OwnEarlier
            : heard.Earlier
        )!;
    }

    public void Dispose()
    {
        foreach (SignalView view in _ofRows.Values)
            view.Dispose();
        foreach (LayerBuffers layer in Layers)
            layer.Dispose();
    }
}
